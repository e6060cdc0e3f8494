"""The ledger of each state: key sets, stamps and sizes of what it published, on which the join laws of S5 stand.

Each function takes the frames that the state's measure is given and adds to the tables `keys`, `spans` and `sizes`.
Rows are matched by key where they do not follow their flows, so a damaged file shows as a difference, not as an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import tables as t
from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import codes_of
from seg6b.datasets.vocabulary import CASE_EVENT_TYPES, EVENT_TYPES, ORIGINS
from seg6b.draws.mix import entities1
from seg6b.evidence.keys import I64, KEYS, Owners, key_hashes, key_rows, value_rows
from seg6b.evidence.spans import SIZES, SPANS, size_rows, span_rows
from seg6b.evidence.tables import Evidence, Measure

LEDGER: Final[Mapping[str, Measure]] = {m.name: m for m in (KEYS, SPANS, SIZES)}
Frames = Mapping[str, pl.DataFrame]
Mask = npt.NDArray[np.bool_]

_REQUEST = EVENT_TYPES.index("AUTH_REQUEST")
_PROBE = ORIGINS.index("PURE_FRAUD_FLOW")
_BANK_STAMPS = ("detection_ts", "dispute_ts", "chargeback_ts", "case_opened_ts", "case_closed_ts")


def ledger_s1(evidence: Evidence, frames: Frames) -> None:
    """Arrivals, their sessions, the session index."""
    arrivals, sessions = frames[t.SESSION_ARRIVALS.name], frames[t.SESSIONS.name]
    owners, holders = _owners(arrivals), _owners(sessions)
    _put(
        evidence,
        [
            _keys(t.SESSION_ARRIVALS, arrivals, owners),
            _values(t.SESSION_ARRIVALS, "session_id", arrivals, owners),
            _keys(t.SESSIONS, sessions, holders),
        ],
        [span_rows("arrival", owners.cell, arrivals["ts_utc"])],
        [size_rows("session.arrivals", holders.cell, sessions["arrival_count"].to_numpy())],
    )


def ledger_s2(evidence: Evidence, frames: Frames) -> None:
    """Flows, their sessions, their events."""
    flows, events = frames[t.FLOWS.name], frames[t.EVENTS.name]
    owners = _owners(flows)
    followers = _event_owners(flows, owners, events)
    flows_so_far = flows["flow_index_within_session"].to_numpy().astype(np.int64) + 1
    _put(
        evidence,
        [
            _keys(t.FLOWS, flows, owners),
            _values(t.FLOWS, "session_id", flows, owners),
            _keys(t.EVENTS, events, followers),
            _values(t.EVENTS, "flow_id", events, followers),
        ],
        _event_spans("s2", events, followers),
        [
            size_rows("session.flows", owners.cell, flows_so_far),
            size_rows("flow.arrivals", owners.cell, flows["n_arrivals"].to_numpy()),
            size_rows("flow.events", owners.cell, flows["n_events"].to_numpy()),
        ],
    )


def ledger_s3(evidence: Evidence, frames: Frames) -> None:
    """Flows and events after the overlay, and what became of the events of S2."""
    flows, events = frames[t.FLOWS_WITH_FRAUD.name], frames[t.EVENTS_WITH_FRAUD.name]
    owners = _owners(flows)
    followers = _event_owners(flows, owners, events)
    probe = codes_of(flows["origin_type"]) == _PROBE
    hashes = key_hashes([flows["flow_id"]])
    _put(
        evidence,
        [
            key_rows(t.FLOWS_WITH_FRAUD.name, owners, hashes),
            key_rows(f"{t.FLOWS_WITH_FRAUD.name}:baseline", owners.take(~probe), hashes[~probe]),
            key_rows(f"{t.FLOWS_WITH_FRAUD.name}:probe", owners.take(probe), hashes[probe]),
            _keys(t.EVENTS_WITH_FRAUD, events, followers),
            _values(t.EVENTS_WITH_FRAUD, "flow_id", events, followers),
            *_carried_events(frames, flows, probe, followers),
        ],
        _event_spans("s3", events, followers),
        [size_rows("overlaid_flow.events", owners.cell, flows["n_events"].to_numpy())],
    )


def ledger_s4(evidence: Evidence, frames: Frames) -> None:
    """Labels of flows and events, cases and their members."""
    flows = frames[t.FLOWS_WITH_FRAUD.name]
    owners = _owners(flows)
    truth, bank, labels = (frames[d.name] for d in (t.TRUTH, t.BANK_VIEW, t.EVENT_LABELS))
    viewed = _aligned(flows, owners, bank)
    in_case = bank["case_opened_ts"].is_not_null().to_numpy()
    _put(
        evidence,
        [
            _keys(t.TRUTH, truth, _aligned(flows, owners, truth)),
            _keys(t.BANK_VIEW, bank, viewed),
            key_rows(f"{t.BANK_VIEW.name}:in_case", viewed.take(in_case), _hash(bank["flow_id"])[in_case]),
            _keys(t.EVENT_LABELS, labels, _event_owners(flows, owners, labels)),
        ],
        [span_rows("s4.flow", viewed.cell, bank[stamp]) for stamp in _BANK_STAMPS],
        [],
    )
    _case_ledger(evidence, frames, flows, owners)


def _case_ledger(evidence: Evidence, frames: Frames, flows: pl.DataFrame, owners: Owners) -> None:
    timeline, members = frames[t.CASES.name], frames[t.CASE_FLOWS.name]
    rows, joined = _aligned(flows, owners, timeline), _aligned(flows, owners, members)
    cases = _whole_cases(timeline.with_columns(party=rows.party))
    holders = Owners.of(cases["party"].to_numpy())
    whole = cases["whole"].to_numpy()
    hashes = _hash(cases["case_id"])
    member_flows = _hash(members["flow_id"])
    _put(
        evidence,
        [
            _keys(t.CASES, timeline, rows),
            _values(t.CASES, "case_id", timeline, rows),
            key_rows(f"{t.CASES.name}:whole", holders.take(whole), hashes[whole]),
            _keys(t.CASE_FLOWS, members, joined),
            _values(t.CASE_FLOWS, "case_id", members, joined),
            key_rows(f"{t.CASE_FLOWS.name}.flow_id", joined, member_flows),
        ],
        [span_rows("s4.case", rows.cell, timeline["ts_utc"])],
        [
            size_rows("case.flows", holders.cell, cases["n_flows"].to_numpy()),
            size_rows("case.events", holders.cell, cases["n"].to_numpy()),
            size_rows("case.span_us", holders.cell, cases["span_us"].to_numpy()),
        ],
    )


def _whole_cases(timeline: pl.DataFrame) -> pl.DataFrame:
    """A row a case: whether it is opened once and first, closed once and last, numbered from 0 without a gap."""
    seq, kind = pl.col("case_event_seq"), pl.col("case_event_type")
    opened, closed = (kind == CASE_EVENT_TYPES[0]), (kind == CASE_EVENT_TYPES[-1])
    once = (opened.sum() == 1) & (closed.sum() == 1) & (kind.n_unique() == pl.len())
    placed = (seq.filter(opened).max() == 0) & (seq.filter(closed).max() == pl.len() - 1)
    numbered = (seq.min() == 0) & (seq.max() == pl.len() - 1) & (seq.n_unique() == pl.len())
    micros = pl.col("ts_utc").dt.epoch("us")
    return (
        timeline.group_by("case_id")
        .agg(
            party=pl.col("party").min(),
            n=pl.len().cast(pl.Int64),
            n_flows=pl.col("n_flows").max().cast(pl.Int64),
            span_us=micros.max() - micros.min(),
            whole=(once & placed & numbered).fill_null(value=False),
        )
        .sort("case_id")
    )


def _carried_events(frames: Frames, flows: pl.DataFrame, probe: Mask, followers: Owners) -> list[pl.DataFrame]:
    """S2's events and their images in S3, apart for flows whose structure was changed and for all others.

    `plain` sets must agree; `restructured` may only lose; `inserted` lie in restructured flows; what is neither
    of a probe nor explained by a restructured flow is `unexplained`.
    """
    events = frames[t.EVENTS_WITH_FRAUD.name]
    before = frames[t.EVENTS.name]
    base = frames[t.FLOWS.name]
    name, origin = t.EVENTS_WITH_FRAUD.name, t.EVENTS.name
    changed = flows["structure_modified_flag"].to_numpy()
    state = _spread(flows, np.where(probe, 2, changed.astype(np.int8)), events)
    kept = events["origin_event_seq"].is_not_null().to_numpy()
    hashes = key_hashes([events["origin_flow_id"], events["origin_event_seq"]])
    source = _owners(base)
    base_changed = _lookup(flows.filter(pl.Series(~probe)), changed[~probe].astype(np.int8), base["flow_id"])
    base_state = _spread(base, base_changed, before)
    older = _event_owners(base, source, before)
    originals = key_hashes([before["flow_id"], before["event_seq"]])
    sets = [
        (f"{origin}:plain", older, originals, base_state == 0),
        (f"{origin}:restructured", older, originals, base_state == 1),
        (f"{name}:plain", followers, hashes, (state == 0) & kept),
        (f"{name}:restructured", followers, hashes, (state == 1) & kept),
        (f"{name}:inserted", followers, hashes, (state == 1) & ~kept),
        (f"{name}:probe", followers, hashes, state == 2),
        (f"{name}:unexplained", followers, hashes, (state < 0) | ((state == 0) & ~kept)),
    ]
    return [key_rows(label, held.take(mask), keys[mask]) for label, held, keys, mask in sets]


def _put(
    evidence: Evidence, keys: Sequence[pl.DataFrame], spans: Sequence[pl.DataFrame], sizes: Sequence[pl.DataFrame]
) -> None:
    for measure, pieces in ((KEYS, keys), (SPANS, spans), (SIZES, sizes)):
        if pieces:
            evidence.put(measure, measure.merge(pl.concat(pieces)))


def _hash(column: pl.Series) -> npt.NDArray[np.uint64]:
    return entities1(column.to_numpy())


def _keys(dataset: Dataset, frame: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    return key_rows(dataset.name, owners, key_hashes([frame[k] for k in dataset.key]))


def _values(dataset: Dataset, column: str, frame: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    return value_rows(f"{dataset.name}.{column}", owners, key_hashes([frame[column]]))


def _owners(frame: pl.DataFrame) -> Owners:
    return Owners.of(frame["party_id"].to_numpy())


def _aligned(flows: pl.DataFrame, owners: Owners, frame: pl.DataFrame) -> Owners:
    """Owners of rows with `flow_id`: those of the flows where the rows follow them, else looked up."""
    mine, theirs = flows["flow_id"].to_numpy(), frame["flow_id"].to_numpy()
    if np.array_equal(mine, theirs):
        return owners
    party = _lookup(flows, owners.party, frame["flow_id"])
    return Owners.of(party)


def _event_owners(flows: pl.DataFrame, owners: Owners, events: pl.DataFrame) -> Owners:
    times = flows["n_events"].to_numpy()
    if _follows(flows, times, events):
        return owners.repeat(times)
    return Owners.of(_lookup(flows, owners.party, events["flow_id"]))


def _spread(flows: pl.DataFrame, values: npt.NDArray[np.generic], events: pl.DataFrame) -> npt.NDArray[np.generic]:
    """A value of each flow, for each of its events; -1 where an event has no flow."""
    times = flows["n_events"].to_numpy()
    if _follows(flows, times, events):
        return np.repeat(values, times)
    return _lookup(flows, values, events["flow_id"])


def _follows(flows: pl.DataFrame, times: npt.NDArray[np.integer], events: pl.DataFrame) -> bool:
    if int(times.sum()) != events.height:
        return False
    return np.array_equal(np.repeat(flows["flow_id"].to_numpy(), times), events["flow_id"].to_numpy())


def _lookup(flows: pl.DataFrame, values: npt.NDArray[np.generic], wanted: pl.Series) -> I64:
    """The value of each wanted flow, -1 for a flow that is not there."""
    table = pl.DataFrame({"flow_id": flows["flow_id"], "value": values}).unique("flow_id", keep="first")
    found = wanted.to_frame("flow_id").join(table, on="flow_id", how="left", maintain_order="left")
    return found["value"].fill_null(-1).cast(pl.Int64).to_numpy()


def _event_spans(state: str, events: pl.DataFrame, followers: Owners) -> list[pl.DataFrame]:
    request = codes_of(events["event_type"]) == _REQUEST
    stamps = events["ts_utc"]
    asked = pl.Series(request)
    return [
        span_rows(f"{state}.auth_request", followers.cell[request], stamps.filter(asked)),
        span_rows(f"{state}.other", followers.cell[~request], stamps.filter(~asked)),
    ]
