"""The statistics layer: what the gates say in one number each, tested surface by surface against policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import polars as pl

from seg6b.errors import EvidenceMissing
from seg6b.gates.association import finite, with_decile
from seg6b.gates.cubes import cube
from seg6b.gates.mixes import mix_lines
from seg6b.gates.record import Scene
from seg6b.gates.result import StatisticResult, Status
from seg6b.gates.shapes import shape_lines
from seg6b.stats.contingency import bergsma_v, chi_square, cramers_v

Lines = Iterator[StatisticResult]


def read_statistics(scene: Scene) -> tuple[StatisticResult, ...]:
    """All lines, in order; a surface whose evidence is missing is one INSUFFICIENT line."""
    found: list[StatisticResult] = []
    for name, test, read in READERS:
        try:
            found += read(scene)
        except EvidenceMissing as missing:
            lacking, reason = Status.INSUFFICIENT, f"no evidence table {missing.where}"
            detail = {"reason": reason}
            found.append(StatisticResult(name, test, None, lacking, lacking, blocking=True, n=0, detail=detail))
    return tuple(found)


def _by_class(scene: Scene) -> Lines:
    yield _association(scene, scene.table("S4", "bank"), ("merchant_class",), blocking=True)


def _by_decile(scene: Scene) -> Lines:
    yield _association(scene, with_decile(scene), ("amount_decile",), blocking=False)


def _by_geography(scene: Scene) -> Lines:
    table = scene.table("S4", "bank_geo")
    corridor = pl.concat_str("merchant_country_iso", "party_country_iso", separator=">")
    yield _association(scene, table, ("is_cross_border",), blocking=False)
    yield _association(scene, table.with_columns(corridor=corridor), ("corridor",), blocking=False)


def _association(scene: Scene, table: pl.DataFrame, by: Sequence[str], *, blocking: bool) -> StatisticResult:
    """Chi-square below the limit, and corrected V above the floor."""
    limits = scene.thresholds.statistics
    counts = cube(table, (*by, "bank_label"))
    value, (statistic, p_value, freedom) = float(bergsma_v(counts.total)), chi_square(counts.total)
    told = p_value < limits.association_p
    b, bplus = (
        Status.PASS if told and value >= floor else Status.FAIL
        for floor in (limits.association_v.b, limits.association_v.bplus)
    )
    if not counts.n:
        b = bplus = Status.INSUFFICIENT
    detail = {
        "chi_square": statistic,
        "p_value": p_value,
        "degrees_of_freedom": freedom,
        "raw_v": float(cramers_v(counts.total)),
        "limit_b": limits.association_v.b,
        "limit_bplus": limits.association_v.bplus,
    }
    return StatisticResult(f"bank_label.{by[0]}", "association", finite(value), b, bplus, blocking, counts.n, detail)


READERS: Final[tuple[tuple[str, str, Callable[[Scene], Lines]], ...]] = (
    ("bank_label.merchant_class", "association", _by_class),
    ("bank_label.amount_decile", "association", _by_decile),
    ("bank_label.geography", "association", _by_geography),
    *((name, "jsd", read) for name, read in mix_lines),
    *((name, "ks", read) for name, read in shape_lines),
)
