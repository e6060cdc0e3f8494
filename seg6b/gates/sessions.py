"""T19 and T20: do arrivals form sessions, and do parties share what people share?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.gates.cubes import histogram, ratio, total_of
from seg6b.gates.record import MED, STRETCH, Reading, Scene, gate
from seg6b.policy import attachment
from seg6b.shards.cells import CELLS
from seg6b.stats.jackknife import interval
from seg6b.stats.order import quantile, shares_without
from seg6b.stats.sharing import shared_counts

F64 = npt.NDArray[np.float64]


@gate("T19", "sessions with a single arrival", unit="share", owner=("S1",), severity=MED, kind=STRETCH)
def singleton_sessions(scene: Scene) -> Reading:
    """count(arrival_count = 1) / sessions."""
    sessions = histogram(scene.table("S1", "sessions"), "arrival_count")
    if not sessions.n:
        return Reading(None, 0, lacking="no sessions")
    single: npt.NDArray[np.bool_] = sessions.values == 1
    value = float(sessions.total[single].sum() / sessions.n)
    arrivals = float((sessions.values * sessions.total).sum())
    ends = interval(value, shares_without(sessions, single))
    return Reading(value, sessions.n, ci95=ends, detail={"mean_arrivals": arrivals / sessions.n})


@gate("T20", "attachment richness", unit="mean of three shares", owner=("S1",), severity=MED, kind=STRETCH)
def richness(scene: Scene) -> Reading:
    """Devices used by several parties, IPs used by several devices, accounts using several instruments.

    The value is held against the first of these that is there: a recorded D+ run of the same world; for a lean
    attachment, which is that baseline, its own value; the number of the gate file.
    """
    devices = _shared(scene.table("S1", "devices"), "device_id", "party")
    ips = _shared(scene.table("S1", "ips"), "ip_id", "device")
    accounts = _accounts(scene.table("S1", "accounts"))
    counts = np.stack([devices, ips, accounts])
    n = int(counts[:, 0, 0].sum())
    detail: dict[str, float | str | None] = dict(
        zip(("devices", "ips", "accounts"), (ratio(*pair) for pair in counts[:, 0, ::-1].tolist()), strict=True)
    )
    detail |= _linked(scene.table("S1", "linked_entities"))
    known = scene.baseline
    detail["baseline"] = known.value if known else scene.thresholds.rules.richness_baseline
    detail["baseline_receipt"] = known.digest if known else ""
    if not np.all(counts[:, 0, 0] > 0):
        return Reading(None, n, detail=detail, lacking="no devices, no IPs or no accounts")
    with np.errstate(divide="ignore", invalid="ignore"):
        means = (counts[:, :, 1] / counts[:, :, 0]).mean(0)
    filled = np.flatnonzero(np.any(counts[:, 1:, :] != counts[:, :1, :], axis=(0, 2)))
    value = float(means[0])
    if known is None and isinstance(scene.policies.attachment, attachment.Uniform):
        detail["baseline"] = value
    return Reading(value, n, ci95=interval(value, means[1:][filled]), detail=detail)


def _shared(table: pl.DataFrame, entity: str, user: str) -> F64:
    """Entities and shared entities, over all cells and without each of the 64: shape (65, 2)."""
    columns = (table[c].to_numpy().astype(np.int64) for c in ("cell", entity, f"{user}_min", f"{user}_max"))
    cells, entities, shared = shared_counts(*columns)
    out = np.tile([float(entities[0]), float(shared[0])], (CELLS + 1, 1))
    out[cells + 1] = np.stack([entities[1:], shared[1:]], axis=1)
    return out


def _accounts(table: pl.DataFrame) -> F64:
    """The same for accounts, which lie in one cell each."""
    out = np.tile([float(total_of(table)), float(total_of(table, "n_multi"))], (CELLS + 1, 1))
    sums = table.group_by("cell").agg(pl.col("n").sum(), pl.col("n_multi").sum())
    out[sums["cell"].to_numpy().astype(np.int64) + 1] -= sums.select("n", "n_multi").to_numpy()
    return out


def _linked(table: pl.DataFrame) -> dict[str, float | None]:
    linked = histogram(table, "linked")
    if not linked.n:
        return {"linked_p50": None, "linked_p90": None, "linked_max": None}
    return {
        "linked_p50": quantile(linked, 0.5),
        "linked_p90": quantile(linked, 0.9),
        "linked_max": float(linked.values[-1]),
    }
