"""Key sets as evidence: how many rows, how many distinct keys, and an order-free sum of the keys' hashes.

Two row sets with equal `n` and equal `key_sum` in a cell hold the same keys (each key is mixed to 64 bits before it
is added modulo 2^64; a chance agreement has probability 2^-64). Distinctness is counted within the party that owns
the row, so that the figure does not depend on where batches are cut; that no two parties share a key is looked up in
the published key columns by S5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import ids_of
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64, entities1, entities2
from seg6b.evidence.tables import Measure
from seg6b.shards.cells import CELLS, cell_of

I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]

KEY_SETS: Final = (
    "s1_arrival_entities_6B",
    "s1_arrival_entities_6B.session_id",
    "s1_session_index_6B",
    "s2_flow_anchor_baseline_6B",
    "s2_flow_anchor_baseline_6B.session_id",
    "s2_event_stream_baseline_6B",
    "s2_event_stream_baseline_6B.flow_id",
    "s3_flow_anchor_with_fraud_6B",
    "s3_flow_anchor_with_fraud_6B:baseline",
    "s3_flow_anchor_with_fraud_6B:probe",
    "s3_event_stream_with_fraud_6B",
    "s3_event_stream_with_fraud_6B.flow_id",
    "s2_event_stream_baseline_6B:plain",
    "s3_event_stream_with_fraud_6B:plain",
    "s2_event_stream_baseline_6B:restructured",
    "s3_event_stream_with_fraud_6B:restructured",
    "s3_event_stream_with_fraud_6B:inserted",
    "s3_event_stream_with_fraud_6B:probe",
    "s3_event_stream_with_fraud_6B:unexplained",
    "s3_event_stream_with_fraud_6B:causeless",
    "s4_flow_truth_labels_6B",
    "s4_flow_bank_view_6B",
    "s4_flow_bank_view_6B:in_case",
    "s4_event_labels_6B",
    "s4_event_labels_6B.flow_id",
    "s4_case_timeline_6B",
    "s4_case_timeline_6B.case_id",
    "s4_case_timeline_6B:whole",
    "s4_case_flows_6B",
    "s4_case_flows_6B.case_id",
    "s4_case_flows_6B.flow_id",
)
KEYS: Final = Measure(
    "keys",
    ("cell", "key_set"),
    ("n", "n_distinct", "key_sum"),
    doc="rows, keys distinct within their party, wrapping sum of key hashes; `.column` sets hold distinct values",
)


@dataclass(frozen=True, slots=True)
class Owners:
    """The party and the cell of each row."""

    party: I64
    cell: U8

    @classmethod
    def of(cls, party: I64) -> Owners:
        """Owners from `party_id`."""
        return cls(party, cell_of(party))

    def take(self, index: npt.NDArray[np.integer] | npt.NDArray[np.bool_]) -> Owners:
        """The rows at `index`, or where it is true."""
        return Owners(self.party[index], self.cell[index])

    def repeat(self, times: npt.NDArray[np.integer]) -> Owners:
        """Row i, `times[i]` times over."""
        return Owners(np.repeat(self.party, times), np.repeat(self.cell, times))


@kernel
def tally_groups(cells: U8, values: I64, group: U8, groups: int) -> I64:
    """Rows, wrapping sum, minimum and maximum of `values` for each group and cell, shape (groups, 4, 64)."""
    out = np.zeros((groups, 4, CELLS), np.int64)
    for i in range(cells.size):
        g, c, v = group[i], cells[i], values[i]
        if out[g, 0, c] == 0 or v < out[g, 2, c]:
            out[g, 2, c] = v
        if out[g, 0, c] == 0 or v > out[g, 3, c]:
            out[g, 3, c] = v
        out[g, 0, c] += 1
        out[g, 1, c] += v
    return out


def tally(cells: U8, values: I64) -> I64:
    """Rows, wrapping sum, minimum and maximum of `values` for each cell, shape (4, 64)."""
    found: I64 = tally_groups(cells, values, np.zeros(cells.size, np.uint8), 1)[0]
    return found


def key_hashes(columns: Sequence[pl.Series]) -> U64:
    """The entity hash of one or two integer key columns, row by row; a null counts as zero."""
    arrays = [ids_of(c.cast(pl.Int64)) for c in columns]
    return entities1(arrays[0]) if len(arrays) == 1 else entities2(arrays[0], arrays[1])


def key_sum(columns: Sequence[pl.Series]) -> int:
    """Sum of the key hashes modulo 2^64, as a signed 64-bit number."""
    return int(key_hashes(columns).view(np.int64).sum())


def key_rows(key_set: str, owners: Owners, hashes: U64) -> pl.DataFrame:
    """Every row of a key set: `n` rows, of which `n_distinct` within their party; the sum is over all rows."""
    counts = tally(owners.cell, hashes.view(np.int64))
    distinct = counts[0]
    if repeats(hashes):
        distinct = np.bincount(owners.cell[_first_rows(owners, hashes)], minlength=CELLS).astype(np.int64)
    return set_rows(key_set, counts[0], distinct, counts[1])


def value_rows(key_set: str, owners: Owners, hashes: U64) -> pl.DataFrame:
    """The distinct values of a column within each party: `n`, `n_distinct` and the sum are over those."""
    starts = np.ones(hashes.size, np.bool_)
    starts[1:] = (hashes[1:] != hashes[:-1]) | (owners.party[1:] != owners.party[:-1])
    heads = np.flatnonzero(starts)
    owners, hashes = owners.take(heads), hashes[heads]
    if repeats(hashes):
        first = _first_rows(owners, hashes)
        owners, hashes = owners.take(first), hashes[first]
    return key_rows(key_set, owners, hashes)


def repeats(hashes: U64) -> bool:
    """Whether a hash occurs twice."""
    ordered = np.sort(hashes)
    return bool((ordered[1:] == ordered[:-1]).any())


def _first_rows(owners: Owners, hashes: U64) -> I64:
    """One row of each (party, key)."""
    rows = pl.DataFrame({"party": owners.party, "key": hashes}).with_row_index("row")
    return rows.unique(["party", "key"], keep="first")["row"].to_numpy().astype(np.int64)


def set_rows(key_set: str, n: I64, distinct: I64, total: I64) -> pl.DataFrame:
    """Rows of a key set from its figures by cell."""
    cells = np.flatnonzero(n)
    return pl.DataFrame(
        {
            "cell": cells.astype(np.uint8),
            "key_set": pl.Series([key_set] * cells.size, dtype=pl.Enum(KEY_SETS)),
            "n": n[cells],
            "n_distinct": distinct[cells],
            "key_sum": total[cells],
        }
    )
