"""Gates by phases: which level each gate had reached when a phase was closed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from seg6b.gates.result import GateResult, Status, Verdict, gate_order
from seg6b.render.story_data import Story, StoryCertification, StoryPhase
from seg6b.render.story_waves import FURTHER, HARD_WAVES, WAVES, Wave, wave_of
from seg6b.render.wording import ABSENT, interval, number

PASSING: Final = frozenset({str(Verdict.PASS_B), str(Verdict.PASS_BPLUS)})


class Level(StrEnum):
    """What a gate reached."""

    BPLUS = "bplus"
    B = "b"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"
    ABSENT = "absent"


LEVEL_NAMES: Final = {
    Level.BPLUS: "B+",
    Level.B: "B",
    Level.FAIL: "fails B",
    Level.INSUFFICIENT: "too little data, not passed",
    Level.ABSENT: "not measured",
}
REACHED_B: Final = (Level.BPLUS, Level.B)


@dataclass(frozen=True, slots=True)
class Cell:
    """One gate after one phase.

    Attributes:
        level: what it reached.
        value: its value in few digits; of several seeds the median.
        said: everything about it in one sentence.
        owned: whether the phase is the wave that owns the gate.
    """

    level: Level
    value: str
    said: str
    owned: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One gate over all phases."""

    gate_id: str
    title: str
    rules: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Band:
    """The gates of one wave."""

    wave: Wave
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One phase, and how many of its gates reached what."""

    anchor: str
    name: str
    outcome: str
    at_bplus: int
    at_b: int
    gates: int


@dataclass(frozen=True, slots=True)
class Heat:
    """The whole map; rows of a band have one cell a column."""

    columns: tuple[Column, ...]
    bands: tuple[Band, ...]


def heat_map(story: Story) -> Heat:
    """Gates grouped by the wave that owns them, against phases in their order."""
    known = _known_gates(story)
    bands = []
    for wave in (*WAVES, FURTHER):
        mine = sorted((g for g in known if wave_of(g) is wave), key=gate_order)
        if mine:
            bands.append(Band(wave, tuple(_row(story, gate_id, known[gate_id]) for gate_id in mine)))
    by_column = zip(*(row.cells for band in bands for row in band.rows), strict=True)
    cells = [*by_column] or [() for _ in story.phases]
    heads = zip(anchors(story), phase_names(story), story.phases, cells, strict=True)
    return Heat(tuple(_column(*head) for head in heads), tuple(bands))


def phase_names(story: Story) -> list[str]:
    """What each phase is called; one that stands again is counted.

    >>> from types import SimpleNamespace as N
    >>> phase_names(N(phases=(N(phase="P5"), N(phase="P6"), N(phase="P5"))))
    ['P5', 'P6', 'P5 (2)']
    """
    phases = [part.phase for part in story.phases]
    counts = [phases[: k + 1].count(phase) for k, phase in enumerate(phases)]
    return [phase if n == 1 else f"{phase} ({n})" for phase, n in zip(phases, counts, strict=True)]


def anchors(story: Story) -> list[str]:
    """An element id for each phase, unique on the page.

    >>> from types import SimpleNamespace as N
    >>> anchors(N(phases=(N(phase="P5"), N(phase="<b>"), N(phase="P5"))))
    ['phase-p5', 'phase-b', 'phase-p5-2']
    """
    slugs = [re.sub(r"[^a-z0-9]+", "", part.phase.lower()) for part in story.phases]
    counts = [slugs[: k + 1].count(slug) for k, slug in enumerate(slugs)]
    return [f"phase-{slug}" if n == 1 else f"phase-{slug}-{n}" for slug, n in zip(slugs, counts, strict=True)]


def level_of(gate: GateResult | None) -> Level:
    """What a gate reached; a gate without enough data has not passed, whatever it says of B+."""
    if gate is None:
        return Level.ABSENT
    if gate.b is Status.PASS:
        return Level.BPLUS if gate.bplus is Status.PASS else Level.B
    return Level.FAIL if gate.b is Status.FAIL else Level.INSUFFICIENT


def certified_level(certified: StoryCertification, gate_id: str) -> Level:
    """What a gate reached on all seeds: its worst; a seed without a status has not passed."""
    if gate_id not in certified.passes:
        return Level.ABSENT
    at_bplus = [certified.passes[gate_id].get(seed, "") for seed in certified.seeds]
    at_b = [_status_at_b(certified, gate_id, seed) for seed in certified.seeds]
    if not _all_pass(at_b):
        return Level.FAIL if Status.FAIL in at_b else Level.INSUFFICIENT
    return Level.BPLUS if _all_pass(at_bplus) else Level.B


def _status_at_b(certified: StoryCertification, gate_id: str, seed: int) -> str:
    """Status at B; where it is not given, a passing verdict says that hard gates pass, and of others B+ is asked."""
    if certified.passes_b:
        return str(certified.passes_b.get(gate_id, {}).get(seed, ""))
    told = str(certified.passes[gate_id].get(seed, ""))
    hard = wave_of(gate_id).phase in HARD_WAVES
    return str(Status.PASS) if told and hard and certified.verdicts.get(seed) in PASSING else told


def _all_pass(states: Sequence[str]) -> bool:
    return bool(states) and all(state == Status.PASS for state in states)


def _known_gates(story: Story) -> dict[str, GateResult | None]:
    """Every gate that any phase speaks of, as the last board that has it says it."""
    known: dict[str, GateResult | None] = {}
    for part in story.phases:
        if isinstance(part, StoryPhase):
            known.update(part.gates)
        else:
            known = {**dict.fromkeys(part.passes), **known}
    return known


def _row(story: Story, gate_id: str, gate: GateResult | None) -> Row:
    cells = tuple(_cell(part, gate_id) for part in story.phases)
    rules = f"B {gate.b_rule}; B+ {gate.bplus_rule}" if gate else ""
    return Row(gate_id, gate.title if gate else "", rules, cells)


def _cell(part: StoryPhase | StoryCertification, gate_id: str) -> Cell:
    if isinstance(part, StoryCertification):
        return _certified_cell(part, gate_id)
    gate = part.gates.get(gate_id)
    level = level_of(gate)
    owned = wave_of(gate_id).phase == part.phase
    where = f"{gate_id} after {part.phase}: {LEVEL_NAMES[level]}"
    if gate is None:
        return Cell(level, ABSENT, where, owned)
    said = (
        f"{where}. {number(gate.value)}, 95\u00a0% interval {interval(gate.ci95)}. "
        f"{gate.b} at B ({gate.b_rule}), {gate.bplus} at B+ ({gate.bplus_rule})."
    )
    return Cell(level, number(gate.value, 4), said, owned)


def _certified_cell(certified: StoryCertification, gate_id: str) -> Cell:
    level = certified_level(certified, gate_id)
    where = f"{gate_id} in {certified.phase} on all seeds: {LEVEL_NAMES[level]}"
    values = certified.values.get(gate_id, {})
    known = [value for seed in certified.seeds if (value := values.get(seed)) is not None]
    each = "; ".join(_on_seed(certified, gate_id, seed) for seed in certified.seeds)
    return Cell(level, number(median(known), 4) if known else ABSENT, f"{where}. {each}.", owned=False)


def _on_seed(certified: StoryCertification, gate_id: str, seed: int) -> str:
    value = certified.values.get(gate_id, {}).get(seed)
    state = certified.passes.get(gate_id, {}).get(seed, "missing")
    return f"seed {seed} {number(value)}, {state} at B+"


def _column(anchor: str, name: str, part: StoryPhase | StoryCertification, cells: Iterable[Cell]) -> Column:
    levels = [cell.level for cell in cells]
    outcome = part.grade if isinstance(part, StoryCertification) else part.marker or part.decision
    return Column(
        anchor=anchor,
        name=name,
        outcome=outcome,
        at_bplus=levels.count(Level.BPLUS),
        at_b=sum(level in REACHED_B for level in levels),
        gates=len(levels) - levels.count(Level.ABSENT),
    )


def not_at_b(gates: Mapping[str, GateResult]) -> list[tuple[Wave, str]]:
    """Gates that do not pass B, by the wave that has to mend them."""
    out = []
    for wave in (*WAVES, FURTHER):
        mine = [g for g in sorted(gates, key=gate_order) if wave_of(g) is wave and gates[g].b is not Status.PASS]
        if mine:
            out.append((wave, ", ".join(mine)))
    return out
