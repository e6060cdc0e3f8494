"""The cardinality and join laws L1..L9, from the ledgers of S1..S4 alone.

A law returns its findings: one for each cell that breaks it, none if it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import tables as t
from seg6b.evidence.keys import I64
from seg6b.evidence.tables import Evidence
from seg6b.shards.cells import CELLS

PRIMARY: Final = tuple(
    d.name
    for d in (
        t.SESSION_ARRIVALS, t.SESSIONS, t.FLOWS, t.EVENTS, t.FLOWS_WITH_FRAUD, t.EVENTS_WITH_FRAUD, t.TRUTH,
        t.BANK_VIEW, t.EVENT_LABELS, t.CASES, t.CASE_FLOWS,
    )
)  # fmt: skip
_S1, _S2F, _S2E = t.SESSION_ARRIVALS.name, t.FLOWS.name, t.EVENTS.name
_S3F, _S3E = t.FLOWS_WITH_FRAUD.name, t.EVENTS_WITH_FRAUD.name
_CASES, _MEMBERS, _BANK = t.CASES.name, t.CASE_FLOWS.name, t.BANK_VIEW.name


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken law in one place.

    Attributes:
        law: `L1` … `L10`, or the name of the rule.
        message: what disagrees, in words.
        cell: the cell; None where the whole run is meant.
        metrics: the figures that disagree.
    """

    law: str
    message: str
    cell: int | None = None
    metrics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledgers of S1..S4 by cell: arrays of shape (3, 64).

    Attributes:
        keys: n, n_distinct, key_sum of each key set.
        spans: n, first_us, last_us of each kind of stamp.
        sizes: n, total, largest of each size.
    """

    keys: Mapping[str, I64]
    spans: Mapping[str, I64]
    sizes: Mapping[str, I64]

    @classmethod
    def of(cls, evidence: Mapping[str, Evidence]) -> Ledger:
        """From the merged evidence of the states; refuses a state that kept no ledger."""
        return cls(
            _by_name(evidence, "keys", "key_set", ("n", "n_distinct", "key_sum")),
            _by_name(evidence, "spans", "stamp", ("n", "first_us", "last_us")),
            _by_name(evidence, "sizes", "sized", ("n", "total", "largest")),
        )

    def rows(self, key_set: str) -> int:
        """Rows of a key set in all cells."""
        return int(self.keys.get(key_set, _NOTHING)[0].sum())

    def largest(self, sized: str) -> int:
        """The largest size of a kind."""
        return int(self.sizes.get(sized, _NOTHING)[2].max())


_NOTHING: Final = np.zeros((3, CELLS), np.int64)


def _by_name(evidence: Mapping[str, Evidence], table: str, key: str, values: tuple[str, ...]) -> dict[str, I64]:
    found: dict[str, I64] = {}
    for state in ("S1", "S2", "S3", "S4"):
        frame = evidence[state].table(table)
        for (name,), rows in frame.group_by(key):
            out = np.zeros((3, CELLS), np.int64)
            out[:, rows["cell"].to_numpy()] = [rows[v].to_numpy() for v in values]
            found[str(name)] = out
    return found


def arrivals_kept(ledger: Ledger, arrivals: int, arrival_key_sum: int) -> Iterator[Finding]:
    """L1: the arrivals of the world and those of S1 have the same keys."""
    n, _, total = ledger.keys.get(_S1, _NOTHING)
    rows, keys = int(n.sum()), int(total.sum())
    if (rows, keys) != (arrivals, arrival_key_sum):
        yield Finding(
            "L1",
            "arrivals of S1 are not those of the world",
            None,
            {"s1_rows": rows, "world_rows": arrivals, "s1_key_sum": keys, "world_key_sum": arrival_key_sum},
        )


def sessions_cover(ledger: Ledger) -> Iterator[Finding]:
    """L2: sessions named by arrivals are those of the index, and they hold all arrivals."""
    yield from _same_keys(ledger, "L2", f"{_S1}.session_id", t.SESSIONS.name)
    yield from _same_totals(ledger, "L2", "session.arrivals", _S1)


def flows_cover(ledger: Ledger) -> Iterator[Finding]:
    """L3: every session has its flows, every flow its session, every arrival exactly one flow."""
    yield from _same_keys(ledger, "L3", f"{_S2F}.session_id", f"{_S1}.session_id")
    yield from _same_totals(ledger, "L3", "flow.arrivals", _S1)


def events_cover(ledger: Ledger) -> Iterator[Finding]:
    """L4: flows with events are all flows, before and after the overlay, and `n_events` counts them."""
    yield from _same_keys(ledger, "L4", f"{_S2E}.flow_id", _S2F)
    yield from _same_totals(ledger, "L4", "flow.events", _S2E)
    yield from _same_keys(ledger, "L4", f"{_S3E}.flow_id", _S3F)
    yield from _same_totals(ledger, "L4", "overlaid_flow.events", _S3E)


def flows_carried(ledger: Ledger) -> Iterator[Finding]:
    """L5: S3 holds every flow of S2, and besides them probes alone."""
    yield from _same_keys(ledger, "L5", f"{_S3F}:baseline", _S2F)


def events_carried(ledger: Ledger) -> Iterator[Finding]:
    """L6: events differ between S2 and S3 only in flows whose structure was changed, and in probes."""
    yield from _same_keys(ledger, "L6", f"{_S3E}:plain", f"{_S2E}:plain")
    kept, given = (ledger.keys.get(f"{name}:restructured", _NOTHING)[0] for name in (_S3E, _S2E))
    yield from _cells("L6", kept > given, "restructured flows kept more events than they had", kept=kept, had=given)
    loose = ledger.keys.get(f"{_S3E}:unexplained", _NOTHING)[0]
    yield from _cells("L6", loose > 0, "inserted events outside restructured flows and probes", events=loose)


def labels_cover(ledger: Ledger) -> Iterator[Finding]:
    """L7: truth, bank view and event labels have the keys of S3's flows and events."""
    yield from _same_keys(ledger, "L7", t.TRUTH.name, _S3F)
    yield from _same_keys(ledger, "L7", _BANK, _S3F)
    yield from _same_keys(ledger, "L7", t.EVENT_LABELS.name, _S3E)
    yield from _same_keys(ledger, "L7", f"{t.EVENT_LABELS.name}.flow_id", _S3F)


def fraud_events_caused(ledger: Ledger) -> Iterator[Finding]:
    """L8: a fraud event belongs to a flow with a campaign or an anomaly."""
    causeless = ledger.keys.get(f"{_S3E}:causeless", _NOTHING)[0]
    yield from _cells("L8", causeless > 0, "fraud events of flows with neither campaign nor anomaly", events=causeless)


def campaigns_counted(evidence: Mapping[str, Evidence], catalogue: pl.DataFrame) -> Iterator[Finding]:
    """L8: tagged flows name a campaign of the catalogue, as often as it says, and tag and pattern go together."""
    tagged = evidence["S3"].table("campaign_flows").with_columns(pl.col("campaign_id").cast(pl.String))
    counted = tagged.group_by("campaign_id").agg(pl.col("n").sum())
    listed = catalogue.select(pl.col("campaign_id").cast(pl.String), "target_flow_count")
    pairs = listed.join(counted, on="campaign_id", how="full", coalesce=True).sort("campaign_id")
    for campaign, wanted, found in pairs.rows():
        if wanted is None or wanted != (found or 0):
            metrics = {"catalogue": -1 if wanted is None else wanted, "flows": found or 0}
            yield Finding("L8", f"campaign {campaign[:12]}… and its flows disagree", None, metrics)
    truth = evidence["S4"].table("truth")
    wrong = truth.filter(pl.col("campaign") == (pl.col("fraud_pattern_type").cast(pl.String) == "NONE"))
    for cell, n in wrong.group_by("cell").agg(pl.col("n").sum()).sort("cell").rows():
        yield Finding("L8", "a campaign without a pattern, or a pattern without a campaign", cell, {"flows": n})


def cases_whole(ledger: Ledger) -> Iterator[Finding]:
    """L9: a case is opened once and first, closed once and last; a flow in a case is in exactly one."""
    yield from _same_keys(ledger, "L9", f"{_CASES}:whole", f"{_CASES}.case_id")
    yield from _same_keys(ledger, "L9", f"{_MEMBERS}.case_id", f"{_CASES}.case_id")
    yield from _same_keys(ledger, "L9", f"{_MEMBERS}.flow_id", f"{_BANK}:in_case")
    n, distinct, _ = ledger.keys.get(f"{_MEMBERS}.flow_id", _NOTHING)
    yield from _cells("L9", n != distinct, "flows that are in several cases", flows=n - distinct)


def keys_unique(ledger: Ledger, datasets: Sequence[str] = PRIMARY) -> Iterator[Finding]:
    """No party holds two rows with one key."""
    for name in datasets:
        n, distinct, _ = ledger.keys.get(name, _NOTHING)
        yield from _cells("PK", n != distinct, f"duplicate keys in {name}", duplicates=n - distinct)


def _same_keys(ledger: Ledger, law: str, left: str, right: str) -> Iterator[Finding]:
    a, b = ledger.keys.get(left, _NOTHING), ledger.keys.get(right, _NOTHING)
    differ = (a[0] != b[0]) | (a[2] != b[2])
    yield from _cells(law, differ, f"keys of {left} and {right} differ", left_rows=a[0], right_rows=b[0])


def _same_totals(ledger: Ledger, law: str, sized: str, key_set: str) -> Iterator[Finding]:
    total, rows = ledger.sizes.get(sized, _NOTHING)[1], ledger.keys.get(key_set, _NOTHING)[0]
    yield from _cells(law, total != rows, f"{sized} does not add up to the rows of {key_set}", total=total, rows=rows)


def _cells(law: str, wrong: np.typing.NDArray[np.bool_], message: str, **figures: I64) -> Iterator[Finding]:
    for cell in np.flatnonzero(wrong):
        yield Finding(law, message, int(cell), {name: int(values[cell]) for name, values in figures.items()})
