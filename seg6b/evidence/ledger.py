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
from seg6b.evidence.followers import Events, Flows
from seg6b.evidence.keys import KEYS, Owners, key_hashes, key_rows, set_rows, tally_groups, value_rows
from seg6b.evidence.spans import SIZES, SPANS, size_rows, span_rows, span_sets
from seg6b.evidence.tables import Evidence, Measure

LEDGER: Final[dict[str, Measure]] = {m.name: m for m in (KEYS, SPANS, SIZES)}
Frames = Mapping[str, pl.DataFrame]

_REQUEST: Final = EVENT_TYPES.index("AUTH_REQUEST")
_PROBE: Final = ORIGINS.index("PURE_FRAUD_FLOW")
_BANK_STAMPS: Final = ("detection_ts", "dispute_ts", "chargeback_ts", "case_opened_ts", "case_closed_ts")
_FATES: Final = ("plain", "restructured", "inserted", "probe", "unexplained")
_PLAIN, _RESTRUCTURED, _INSERTED, _OF_PROBE, _UNEXPLAINED = range(5)


def ledger_arrivals(evidence: Evidence, arrivals: pl.DataFrame) -> None:
    """Arrivals and their sessions."""
    owners = Owners.of(arrivals["party_id"].to_numpy())
    keys = _keys(t.SESSION_ARRIVALS, arrivals, owners), _values(t.SESSION_ARRIVALS, "session_id", arrivals, owners)
    _put(evidence, keys, [span_rows("arrival", owners.cell, arrivals["ts_utc"])], [])


def ledger_sessions(evidence: Evidence, sessions: pl.DataFrame) -> None:
    """The session index."""
    holders = Owners.of(sessions["party_id"].to_numpy())
    sizes = size_rows("session.arrivals", holders.cell, sessions["arrival_count"])
    _put(evidence, [_keys(t.SESSIONS, sessions, holders)], [], [sizes])


def ledger_s2(evidence: Evidence, frames: Frames) -> None:
    """Flows, their sessions, their events."""
    rows, name = frames[t.FLOWS.name], t.FLOWS.name
    flows = Flows.of(rows)
    events = Events.of(flows, frames[t.EVENTS.name])
    cell = flows.owners.cell
    _put(
        evidence,
        [
            key_rows(name, flows.owners, flows.hashes),
            _values(t.FLOWS, "session_id", rows, flows.owners),
            *events.key_sets(t.EVENTS),
        ],
        _event_spans("s2", events),
        [
            size_rows("session.flows", cell, rows["flow_index_within_session"] + 1),
            size_rows("flow.arrivals", cell, rows["n_arrivals"]),
            size_rows("flow.events", cell, rows["n_events"]),
        ],
    )


def ledger_s3(evidence: Evidence, frames: Frames) -> None:
    """Flows and events after the overlay, and what became of the events of S2."""
    rows, name = frames[t.FLOWS_WITH_FRAUD.name], t.FLOWS_WITH_FRAUD.name
    flows = Flows.of(rows)
    events = Events.of(flows, frames[t.EVENTS_WITH_FRAUD.name])
    probe = codes_of(rows["origin_type"]) == _PROBE
    _put(
        evidence,
        [
            key_rows(name, flows.owners, flows.hashes),
            key_rows(f"{name}:baseline", flows.owners.take(~probe), flows.hashes[~probe]),
            key_rows(f"{name}:probe", flows.owners.take(probe), flows.hashes[probe]),
            *events.key_sets(t.EVENTS_WITH_FRAUD),
            *_carried_events(rows, probe, events),
            *_original_events(frames, rows, probe, flows),
        ],
        _event_spans("s3", events),
        [
            size_rows("overlaid_flow.events", flows.owners.cell, rows["n_events"]),
            *(_factors(name, flows, rows[name]) for name in ("amount_factor", "time_factor")),
        ],
    )


def ledger_s4(evidence: Evidence, frames: Frames) -> None:
    """Labels of flows and events, cases and their members."""
    flows = Flows.of(frames[t.FLOWS_WITH_FRAUD.name])
    truth, bank, labels = (frames[d.name] for d in (t.TRUTH, t.BANK_VIEW, t.EVENT_LABELS))
    viewed = flows.owners_for(bank)
    in_case = bank["case_opened_ts"].is_not_null()
    opened = in_case.to_numpy()
    _put(
        evidence,
        [
            _keys(t.TRUTH, truth, flows.owners_for(truth)),
            _keys(t.BANK_VIEW, bank, viewed),
            key_rows(f"{t.BANK_VIEW.name}:in_case", viewed.take(opened), key_hashes([bank["flow_id"].filter(in_case)])),
            *Events.of(flows, labels).key_sets(t.EVENT_LABELS),
        ],
        [span_rows("s4.flow", viewed.cell, bank[stamp]) for stamp in _BANK_STAMPS],
        [],
    )
    _case_ledger(evidence, frames, flows)


def _case_ledger(evidence: Evidence, frames: Frames, flows: Flows) -> None:
    timeline, members = frames[t.CASES.name], frames[t.CASE_FLOWS.name]
    rows, joined = flows.owners_for(timeline), flows.owners_for(members)
    cases = _whole_cases(timeline.with_columns(party=rows.party))
    holders = Owners.of(cases["party"].to_numpy())
    whole = cases["whole"].to_numpy()
    hashes = key_hashes([cases["case_id"]])
    _put(
        evidence,
        [
            _keys(t.CASES, timeline, rows),
            _values(t.CASES, "case_id", timeline, rows),
            key_rows(f"{t.CASES.name}:whole", holders.take(whole), hashes[whole]),
            _keys(t.CASE_FLOWS, members, joined),
            _values(t.CASE_FLOWS, "case_id", members, joined),
            key_rows(f"{t.CASE_FLOWS.name}.flow_id", joined, key_hashes([members["flow_id"]])),
        ],
        [span_rows("s4.case", rows.cell, timeline["ts_utc"])],
        [
            size_rows("case.flows", holders.cell, cases["n_flows"]),
            size_rows("case.events", holders.cell, cases["n"]),
            size_rows("case.span_us", holders.cell, cases["span_us"]),
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


def _carried_events(flows: pl.DataFrame, probe: npt.NDArray[np.bool_], events: Events) -> list[pl.DataFrame]:
    """Events of S3 by what they are, keyed as in S2.

    `plain` ones are those of S2 in flows whose structure is as it was, `restructured` those that are left of a flow
    whose structure was changed, `inserted` what such a flow gained, `probe` those of probes. An insertion elsewhere is
    `unexplained`. A fraud event of a flow with neither a campaign nor an anomaly is `causeless` besides.
    """
    name, frame = t.EVENTS_WITH_FRAUD.name, events.frame
    changed = flows["structure_modified_flag"].to_numpy()
    cause = (flows["campaign_id"].is_not_null() | flows["overlay_anomaly_any"]).to_numpy()
    marks = events.spread(np.where(probe, 2, changed).astype(np.int8) + 4 * cause.astype(np.int8))
    structure, caused = np.where(marks < 0, 3, marks & 3), marks >= 4
    kept = frame["origin_event_seq"].is_not_null().to_numpy()
    fate = np.where(kept, _CARRIED[structure], _GAINED[structure])
    source = frame["origin_flow_id"].fill_null(frame["flow_id"])
    hashes = key_hashes([source, frame["origin_event_seq"]]).view(np.int64)
    found = tally_groups(events.cell, hashes, fate, len(_FATES))
    causeless = frame["is_fraud_event"].to_numpy() & ~caused
    odd = tally_groups(events.cell[causeless], hashes[causeless], np.zeros(int(causeless.sum()), np.uint8), 1)[0]
    sets = [(f"{name}:{fate}", found[i]) for i, fate in enumerate(_FATES)] + [(f"{name}:causeless", odd)]
    return [set_rows(label, n, n, total) for label, (n, total, _, _) in sets]


def _original_events(
    frames: Frames, rows: pl.DataFrame, probe: npt.NDArray[np.bool_], overlaid: Flows
) -> list[pl.DataFrame]:
    """Events of S2, apart for flows whose structure S3 changed and for all others."""
    base = Flows.of(frames[t.FLOWS.name])
    events = Events.of(base, frames[t.EVENTS.name])
    changed = rows["structure_modified_flag"].to_numpy()
    carried = overlaid.flow_id.filter(pl.Series(~probe))
    if np.array_equal(carried.to_numpy(), base.flow_id.to_numpy()):
        marks = changed[~probe]
    else:
        marks = overlaid.value_for(changed, base.flow_id) == 1
    group = events.spread(marks.astype(np.int8)).clip(0).astype(np.uint8)
    hashes = key_hashes([events.frame["flow_id"], events.frame["event_seq"]]).view(np.int64)
    found = tally_groups(events.cell, hashes, group, 2)
    return [set_rows(f"{t.EVENTS.name}:{_FATES[i]}", n, n, total) for i, (n, total, _, _) in enumerate(found)]


_CARRIED: Final = np.array([_PLAIN, _RESTRUCTURED, _OF_PROBE, _UNEXPLAINED], np.uint8)
_GAINED: Final = np.array([_UNEXPLAINED, _INSERTED, _OF_PROBE, _UNEXPLAINED], np.uint8)


def _put(
    evidence: Evidence, keys: Sequence[pl.DataFrame], spans: Sequence[pl.DataFrame], sizes: Sequence[pl.DataFrame]
) -> None:
    for measure, pieces in ((KEYS, keys), (SPANS, spans), (SIZES, sizes)):
        if pieces:
            evidence.put(measure, pl.concat(pieces))


def _keys(dataset: Dataset, frame: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    return key_rows(dataset.name, owners, key_hashes([frame[k] for k in dataset.key]))


def _values(dataset: Dataset, column: str, frame: pl.DataFrame, owners: Owners) -> pl.DataFrame:
    return value_rows(f"{dataset.name}.{column}", owners, key_hashes([frame[column]]))


def _factors(name: str, flows: Flows, factors: pl.Series) -> pl.DataFrame:
    """Factors of the mutated flows, in millionths."""
    mutated = factors.is_not_null()
    millionths = (factors.filter(mutated) * 1_000_000).round().cast(pl.Int64)
    return size_rows(f"overlaid_flow.{name}_ppm", flows.owners.cell[mutated.to_numpy()], millionths)


def _event_spans(state: str, events: Events) -> list[pl.DataFrame]:
    request = codes_of(events.frame["event_type"]) == _REQUEST
    names = (f"{state}.other", f"{state}.auth_request")
    return span_sets(names, events.cell, events.frame["ts_utc"], request.astype(np.uint8))
