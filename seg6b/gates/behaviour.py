"""X1 to X5: does the dataset behave, beyond its shares? Reported beside T1..T22; none of them looks at an id's value.

Each is centred on what labels, times or parties dealt at random would give, and judged on its lower 95 % bound.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.evidence.behaviour import KINDS, MOST_FLOWS, MOST_PEAK
from seg6b.gates.association import finite
from seg6b.gates.cubes import Cube, cube
from seg6b.gates.record import BEHAVIOUR, LOWER_BOUND, MED, Gate, Reading, Scene, gate
from seg6b.shards.cells import CELLS
from seg6b.stats.contingency import bergsma_v, cramers_v
from seg6b.stats.jackknife import interval, jackknife

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

MIN_PARTIES: Final = 200
MIN_TARGETED: Final = 20
HOURS: Final = 168
_HABIT: Final = ("parties", "flows", "sum", "squares", "between", "sizes")


@gate(
    "X1",
    "burstiness of a party's gaps",
    unit="-1..1",
    owner=("S1",),
    severity=MED,
    kind=BEHAVIOUR,
    judged_on=LOWER_BOUND,
)
def burstiness(scene: Scene) -> Reading:
    """Mean over parties of burstiness without finite-size bias: 0 for a Poisson process, 1 for one single burst."""
    table = scene.table("S1", "burstiness")
    sums = np.zeros((CELLS, 2))
    by_cell = table.group_by("cell").agg(total=(pl.col("b_milli") * pl.col("n")).sum(), n=pl.col("n").sum())
    sums[by_cell["cell"].to_numpy()] = by_cell.select("total", "n").to_numpy()
    parties = int(sums[:, 1].sum())
    lacking = "" if parties >= MIN_PARTIES else f"{parties} parties with enough arrivals, fewer than {MIN_PARTIES}"
    return _read(*jackknife(sums, lambda s: _ratio(s[:, 0], 1000.0 * s[:, 1])), parties, lacking)


@gate("X2", "weekly rhythm by class", unit="V", owner=("S1",), severity=MED, kind=BEHAVIOUR, judged_on=LOWER_BOUND)
def rhythm(scene: Scene) -> Reading:
    """V(class, local hour of the week), and how far the flattest class is from a flat week."""
    counts = cube(scene.table("S1", "hour_of_week"), ("merchant_class", "hour"))
    value, ends = jackknife(counts.counts, bergsma_v)
    contrasts = _contrasts(counts, scene.thresholds.rules.class_min_flows)
    least = min(contrasts.values(), default=0.0)
    return _read(
        value, ends, counts.n, "" if contrasts else "no class with enough arrivals",
        raw=float(cramers_v(counts.total)) if counts.n else None, parts={"least_contrast": least},
        detail={"contrast": contrasts, "least_contrast": least},
    )  # fmt: skip


@gate(
    "X3", "velocity of tested cards", unit="excess", owner=("S3",), severity=MED, kind=BEHAVIOUR, judged_on=LOWER_BOUND
)
def velocity(scene: Scene) -> Reading:
    """Most flows in an hour of instruments that are tested, over that of others with as many flows, minus 1."""
    table = scene.table("S3", "velocity")
    counts = np.zeros((CELLS, 2, MOST_FLOWS + 1, MOST_PEAK + 1))
    where = [table[c].to_numpy().astype(np.int64) for c in ("cell", "targeted", "flows", "peak")]
    np.add.at(counts, tuple(where), table["n"].to_numpy())
    targeted = int(counts[:, 1].sum())
    lacking = "" if targeted >= MIN_TARGETED else f"{targeted} tested instruments, fewer than {MIN_TARGETED}"
    total = counts.sum(0)
    peaks = np.arange(MOST_PEAK + 1)
    detail = {
        "mean_peak_tested": _mean(total[1].sum(0), peaks),
        "mean_peak_others": _mean(total[0].sum(0), peaks),
    }
    return _read(*jackknife(counts, excess), targeted, lacking, detail=detail)


@gate(
    "X4",
    "shared devices and IPs of fraud",
    unit="excess",
    owner=("S3",),
    severity=MED,
    kind=BEHAVIOUR,
    judged_on=LOWER_BOUND,
)
def shared_origins(scene: Scene) -> Reading:
    """How much oftener two campaign flows of two parties share a device or IP than two other flows do, minus 1."""
    table = scene.table("S3", "origins")
    chances = {(kind, fraud): in_common(table, kind, fraud=fraud) for kind in KINDS for fraud in (True, False)}
    fraud, others = (np.sum([chances[kind, f] for kind in KINDS], axis=0) for f in (True, False))
    excess = _ratio(fraud, others) - 1.0
    told = table.filter(pl.col("fraud"))
    filled = told["cell"].unique().to_numpy().astype(np.int64) + 1
    flows = min(int(told.filter(pl.col("kind") == kind)["n"].sum()) for kind in KINDS)
    least = scene.thresholds.rules.campaign_min_rows
    lacking = "" if flows >= least else f"{flows} campaign flows, fewer than {least}"
    detail = {f"{kind.lower()}_{'fraud' if f else 'others'}": finite(float(c[0])) for (kind, f), c in chances.items()}
    return _read(float(excess[0]), interval(float(excess[0]), excess[filled]), flows, lacking, detail=detail)


@gate(
    "X5", "habit in a party's amounts", unit="ICC", owner=("S2",), severity=MED, kind=BEHAVIOUR, judged_on=LOWER_BOUND
)
def habit(scene: Scene) -> Reading:
    """Share of the variance of log purchase amounts that lies between parties: the one-way intraclass correlation."""
    table = scene.table("S2", "habit")
    sums = np.zeros((CELLS, len(_HABIT)))
    sums[table["cell"].to_numpy()] = table.select(_HABIT).to_numpy()
    parties = int(sums[:, 0].sum())
    lacking = "" if parties >= MIN_PARTIES else f"{parties} parties with two purchases, fewer than {MIN_PARTIES}"
    return _read(*jackknife(sums, intraclass), parties, lacking)


GATES: Final[tuple[Gate, ...]] = (burstiness, rhythm, velocity, shared_origins, habit)


def intraclass(sums: F64) -> F64:
    """ICC(1) from sums of parties, flows, y, y^2, (sum y)^2/n and n^2; shape (k, 6) to (k,)."""
    parties, flows, total, squares, between, sizes = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        among = (between - total**2 / flows) / (parties - 1)
        within = (squares - between) / (flows - parties)
        size = (flows - sizes / flows) / (parties - 1)
        return (among - within) / (among + (size - 1) * within)


def _read(value: float, ends: tuple[float, float] | None, n: int, lacking: str, **more: object) -> Reading:
    """A reading that is judged on the lower end of its interval."""
    none = "" if ends is not None or lacking else "no interval: the rows lie in too few cells"
    return Reading(
        finite(value), n, ci95=ends, gated=None if ends is None else ends[0], lacking=lacking or none, **more  # type: ignore[arg-type]
    )  # fmt: skip


def _ratio(above: F64, below: F64) -> F64:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(above / below)


def _mean(counts: F64, values: I64) -> float | None:
    return float((counts * values).sum() / counts.sum()) if counts.sum() else None


def _contrasts(counts: Cube, least: int) -> dict[str, float]:
    """By class: coefficient of variation of its 168 hours beyond what counting alone gives."""
    found = {}
    for name, hours in zip(counts.labels[0], counts.total, strict=True):
        n = hours.sum()
        if n >= least:
            chi2 = float((hours**2).sum() * HOURS / n - n)
            found[str(name)] = float(np.sqrt(max(0.0, (chi2 - (HOURS - 1)) / n)))
    return found


def excess(counts: F64) -> F64:
    """Peaks of tested instruments over those of others with as many flows, minus 1; shape (k, 2, F, P) to (k,)."""
    peaks = np.arange(counts.shape[-1])
    n, total = counts.sum(-1), (counts * peaks).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = total[:, 0] / n[:, 0]
        known = np.isfinite(usual)
        expected = np.where(known, n[:, 1] * np.where(known, usual, 0.0), 0.0).sum(-1)
        observed = np.where(known, total[:, 1], 0.0).sum(-1)
        return np.asarray(observed / expected - 1.0)


def in_common(table: pl.DataFrame, kind: str, *, fraud: bool) -> F64:
    """Chance that two flows of two parties use one entity, over all cells and without each of the 64; shape (65,)."""
    rows = table.filter((pl.col("kind") == kind) & (pl.col("fraud") == fraud))
    rows = rows.with_columns(whole=pl.col("n").sum().over("entity"))
    cell, n, own, whole = (rows[c].to_numpy().astype(np.float64) for c in ("cell", "n", "own", "whole"))
    at = cell.astype(np.int64)
    pairs = np.full(CELLS + 1, float((n * whole).sum() - own.sum()))
    flows, same = np.full(CELLS + 1, n.sum()), np.full(CELLS + 1, own.sum())
    np.subtract.at(pairs, at + 1, 2.0 * n * whole - n**2 - own)
    np.subtract.at(flows, at + 1, n)
    np.subtract.at(same, at + 1, own)
    return _ratio(pairs, flows**2 - same)
