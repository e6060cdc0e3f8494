"""A certification as a table: gates by seeds, and how much each metric scatters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from seg6b.gates.result import Status
from seg6b.render.story_data import StoryCertification
from seg6b.render.story_heat import Level, certified_level
from seg6b.render.wording import ABSENT, number


@dataclass(frozen=True, slots=True)
class SeedCell:
    """A gate on one seed: its value, and its status at B+ (a dash where the seed is missing)."""

    value: str
    status: str


@dataclass(frozen=True, slots=True)
class SeedRow:
    """A metric over the seeds.

    Attributes:
        name: the gate, or a metric such as `T17.campaigns` that has a variation alone.
        level: what it reached on all seeds; ABSENT for a metric that is no gate.
        cells: one a seed.
        cv: its coefficient of variation in words; a dash where none is asked for.
        wide: whether that is more than B+ allows.
    """

    name: str
    level: Level
    cells: tuple[SeedCell, ...]
    cv: str
    wide: bool


def seed_rows(certified: StoryCertification) -> list[SeedRow]:
    """Every gate, each followed by what else of it is measured across seeds."""
    gates = list(dict.fromkeys([*certified.passes, *certified.values]))
    parts = {gate: [m for m in certified.cv if m.startswith(f"{gate}.")] for gate in gates}
    named = {*gates, *(metric for several in parts.values() for metric in several)}
    ordered = [name for gate in gates for name in (gate, *parts[gate])]
    return [_row(certified, name) for name in (*ordered, *(m for m in certified.cv if m not in named))]


def worst_scatter(certified: StoryCertification) -> tuple[str, float] | None:
    """The metric that scatters most; None where nothing was measured."""
    return max(certified.cv.items(), key=lambda item: item[1], default=None)


def scatter_said(value: float | None) -> str:
    """A coefficient of variation.

    >>> scatter_said(0.10945), scatter_said(float("inf"))
    ('0.109', 'undefined')
    """
    if value is None:
        return ABSENT
    return f"{value:.3f}" if math.isfinite(value) else "undefined"


def _row(certified: StoryCertification, name: str) -> SeedRow:
    values, passes = certified.values.get(name, {}), certified.passes.get(name)
    cells = tuple(
        SeedCell(number(values.get(seed)), ABSENT if passes is None else str(passes.get(seed) or Status.INSUFFICIENT))
        for seed in certified.seeds
    )
    cv = certified.cv.get(name)
    wide = cv is not None and not cv <= certified.cv_max
    return SeedRow(name, certified_level(certified, name), cells, scatter_said(cv), wide)
