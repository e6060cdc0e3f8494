"""T5..T7: does the bank's view depend on merchant class and amount, as a real bank's would?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.gates.cubes import Cube, cube, faults, histogram, ratio, total_of
from seg6b.gates.record import CRITICAL, HIGH, LOWER_BOUND, Reading, Scene, gate
from seg6b.shards.cells import CELLS
from seg6b.stats.contingency import bergsma_v, chi_square, cramers_v
from seg6b.stats.effect import cohens_d, standardised
from seg6b.stats.jackknife import jackknife
from seg6b.stats.order import quantile

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Scale = Callable[[I64], F64]
CLOSED = {"merchant_class": v.CLASSES, "bank_label": v.BANK_LABELS}
DECILES = tuple(k / 10 for k in range(1, 10))


@gate("T5", "bank label by merchant class", unit="Cramér's V, bias-corrected", owner=("S4",), severity=CRITICAL)
def label_by_class(scene: Scene) -> Reading:
    """Bergsma's V over merchant class x bank label; a merchant without a class is a class of its own."""
    table = scene.table("S4", "bank")
    counts = cube(table, ("merchant_class", "bank_label"))
    value, ends = jackknife(counts.counts, bergsma_v)
    statistic, p_value, freedom = chi_square(counts.total)
    by_class = counts.along(0)
    lacking = _no_profile(counts, by_class)
    detail = {
        "unknown_class_share": ratio(by_class.get(v.UNKNOWN, 0), counts.n),
        "chi_square": finite(statistic),
        "p_value": finite(p_value),
        "degrees_of_freedom": freedom,
    }
    return Reading(
        finite(value),
        counts.n,
        raw=finite(float(cramers_v(counts.total))),
        ci95=ends,
        detail=detail,
        fault=faults(table, CLOSED) or ("" if lacking else collapsed(counts)),
        lacking=lacking,
    )


@gate("T6", "amount by bank view", unit="Cohen's d within amount family", owner=("S4",), severity=CRITICAL)
def amount_by_view(scene: Scene) -> Reading:
    """Signed d of amounts that were brought to mean 0 and SD 1 in each amount family; `raw` is |d| of plain amounts."""
    table = scene.table("S4", "bank_amounts")
    fault = faults(
        table, {"amount_family": v.AMOUNT_FAMILIES, "bank_label": v.BANK_LABELS}, ("amount_minor", "is_fraud_bank_view")
    )
    if fault or not total_of(table):
        return Reading(None, total_of(table), fault=fault, lacking="no flows")
    flows = _Viewed.of(table)
    moments, logs = flows.moments(_plain), flows.moments(_log).sum(0)
    value, ends = jackknife(moments, lambda m: cohens_d(standardised(m)))
    detail = {
        "log_d": finite(float(cohens_d(logs.sum(0)))),
        "within_family_log_d": finite(float(cohens_d(standardised(logs)))),
        "v_by_decile": finite(float(bergsma_v(cube(with_decile(scene), ("amount_decile", "bank_label")).total))),
        "n_bank_fraud": total_of(table.filter(pl.col("is_fraud_bank_view"))),
    }
    return Reading(
        finite(value),
        total_of(table),
        raw=_magnitude(float(cohens_d(moments.sum((0, 1))))),
        ci95=ends,
        detail=detail,
        fault="" if np.isfinite(value) else "one side has fewer than two flows, or amounts do not vary",
    )


@gate(
    "T7",
    "spread of bank-fraud rates over classes",
    unit="difference of shares",
    owner=("S4",),
    severity=HIGH,
    judged_on=LOWER_BOUND,
)
def class_spread(scene: Scene) -> Reading:
    """Largest minus smallest mean(is_fraud_bank_view) over classes with enough flows; gated on the lower 95 % bound."""
    table = scene.table("S4", "bank")
    least = scene.thresholds.rules.class_min_flows
    known = table.filter(pl.col("merchant_class").cast(pl.String) != v.UNKNOWN)
    counts = cube(known, ("merchant_class", "is_fraud_bank_view"))
    big = [i for i, n in enumerate(counts.along(0).values()) if n >= least]
    by_class = _with_both(counts)[:, big]
    rates = [float(hits / n) for hits, n in by_class.sum(0)]
    value, ends = jackknife(by_class, _spread) if len(big) > 1 else (float("nan"), None)
    return Reading(
        finite(value),
        int(by_class[..., 1].sum()),
        ci95=ends,
        gated=None if ends is None else ends[0],
        detail={
            "rates": dict(zip([counts.labels[0][i] for i in big], rates, strict=True)),
            "small_classes": [c for i, c in enumerate(counts.labels[0]) if i not in big],
        },
        fault=faults(table, CLOSED, ("is_fraud_bank_view",)),
        lacking="" if ends is not None else f"fewer than two classes with {least} flows, or no interval",
    )


def finite(value: float) -> float | None:
    """The value, or None where it is not a number."""
    return value if np.isfinite(value) else None


def collapsed(counts: Cube) -> str:
    """A table with fewer than two non-empty rows or columns has collapsed: that is a failure, not a lack."""
    total = counts.total
    lively = [int((total.sum(1 - axis) > 0).sum()) for axis in (0, 1)]
    return "" if min(lively) > 1 or not total.size else f"the table has collapsed to {lively[0]} x {lively[1]}"


def with_decile(scene: Scene) -> pl.DataFrame:
    """Flows by bank label and `amount_decile` 0..9, cut at linear quantiles; an amount on an edge lies below it."""

    def make() -> pl.DataFrame:
        table = scene.table("S4", "bank_amounts").drop_nulls("amount_minor")
        by = ("bank_label", "amount_minor")
        rows = table.group_by(by).agg(pl.col("n").sum()).sort(by).with_columns(cell=pl.lit(0))
        amounts = histogram(rows, "amount_minor")
        edges = [quantile(amounts, q) for q in DECILES]
        decile = np.searchsorted(edges, rows["amount_minor"].to_numpy(), side="left")
        return rows.with_columns(amount_decile=decile)

    return scene.once("deciles", make)


def _no_profile(counts: Cube, by_class: dict[str, int]) -> str:
    if not counts.n:
        return "no flows"
    return "no merchant has a class" if set(by_class) == {v.UNKNOWN} else ""


def _plain(amount: I64) -> F64:
    return amount.astype(np.float64)


def _log(amount: I64) -> F64:
    """Natural logarithm; amounts below one minor unit count as one."""
    return np.log(np.maximum(amount, 1))


def _magnitude(value: float) -> float | None:
    return abs(value) if np.isfinite(value) else None


def _with_both(counts: Cube) -> F64:
    """(cells, classes, 2): bank-fraud flows and all flows."""
    hits = [i for i, flag in enumerate(counts.labels[1]) if flag is True]
    return np.stack([counts.counts[:, :, hits].sum(-1), counts.counts.sum(-1)], axis=-1)


def _spread(parts: F64) -> F64:
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = parts[..., 0] / parts[..., 1]
    return rates.max(-1) - rates.min(-1)


@dataclass(frozen=True, slots=True)
class _Viewed:
    """Flows by cell, family, bank view and amount, sorted: so the order of a table shows in no last digit of a sum."""

    families: int
    group: I64
    amount: I64
    n: F64

    @classmethod
    def of(cls, table: pl.DataFrame) -> Self:
        family = table["amount_family"].to_physical().to_numpy().astype(np.int64)
        families, amount = int(family.max()) + 1, table["amount_minor"].to_numpy()
        group = (table["cell"].to_numpy() * families + family) * 2 + table["is_fraud_bank_view"].to_numpy()
        order = np.lexsort((table["n"].to_numpy(), amount, group))
        return cls(families, group[order], amount[order], table["n"].to_numpy()[order].astype(np.float64))

    def moments(self, scale: Scale) -> F64:
        """`n, sum, sum of squares` by cell, family and bank view, about the mean of all: (64, families, 2, 3)."""
        x = scale(self.amount)
        x = x - (self.n * x).sum() / self.n.sum()
        shape = (CELLS, self.families, 2)
        out = np.empty((*shape, 3))
        for k, weight in enumerate((self.n, self.n * x, self.n * x * x)):
            out[..., k] = np.bincount(self.group, weight, int(np.prod(shape))).reshape(shape)
        return out
