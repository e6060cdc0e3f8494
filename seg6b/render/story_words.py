"""The story's headline, its tiles, and what is still open, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from seg6b.render.story_data import Story, StoryCertification, StoryPhase
from seg6b.render.story_heat import LEVEL_NAMES, Column, Heat, Level, phase_names
from seg6b.render.story_seeds import scatter_said, worst_scatter
from seg6b.render.wording import ABSENT, seconds

POSTURES: Final = {"dplus": "D+", "bplus": "B+"}
_GOOD: Final = ("PASS", "KEEP", "UNLOCK", "GO_", "GREEN")
_BAD: Final = ("FAIL", "REJECT", "RED")


def tone_of(said: str) -> str:
    """The colour and shape of a decision, a marker, a grade or a status; what is unknown is not passed.

    >>> tone_of("UNLOCK_P2"), tone_of("REJECT_SEMANTIC_DRIFT"), tone_of("HOLD_P1_REOPEN"), tone_of("")
    ('pass', 'fail', 'insufficient', 'insufficient')
    """
    return "pass" if said.startswith(_GOOD) else "fail" if said.startswith(_BAD) else "insufficient"


def outcome(story: Story) -> str:
    """Where the road has come to: the last grade or marker."""
    if not story.phases:
        return "NOT_BEGUN"
    last = story.phases[-1]
    return last.grade if isinstance(last, StoryCertification) else last.marker or last.decision or "OPEN"


def headline(story: Story, heat: Heat) -> str:
    """The road in one sentence: from which verdict to which grade."""
    if not story.phases:
        return "No phase has been walked yet."
    first, last = heat.columns[0], heat.columns[-1]
    if first is last:
        return f"{first.name} is all that was walked: {_counted(first)}."
    road = f"From {_start(story)} in {first.name}, to {outcome(story)} in {last.name}"
    return f"{road}: {first.at_b} of {first.gates} gates passed B, now {_counted(last)}."


def holds_now(story: Story, heat: Heat) -> str:
    """What is true today, and on what."""
    certified = last_certification(story)
    if certified is None:
        return "No certification was made: nothing holds beyond the seed it was seen on."
    last = heat.columns[-1]
    where = f"on seeds {', '.join(map(str, certified.seeds))}"
    if certified is not story.phases[-1]:
        return f"{certified.grade} holds {where}; {last.name} came after it and is not certified."
    scatter = worst_scatter(certified)
    spread = f"; the widest variation between them is {scatter_said(scatter[1])} ({scatter[0]})" if scatter else ""
    return f"{'Holds' if tone_of(certified.grade) == 'pass' else 'Judged'} {where}{spread}."


def tiles(story: Story, heat: Heat) -> Iterator[tuple[str, str, str]]:
    """The figures beside the headline: name, figure, remark."""
    if heat.columns:
        first, last = heat.columns[0], heat.columns[-1]
        yield "At B+ at first", f"{first.at_bplus} of {first.gates}", f"{first.at_b} at B, {first.name}"
        yield "At B+ now", f"{last.at_bplus} of {last.gates}", f"{last.at_b} at B, {last.name}"
    yield "World", story.world, f"{story.arrivals:,} arrivals"
    certified = last_certification(story)
    yield "Seed", str(story.seed), f"certified on {len(certified.seeds)}" if certified else "not certified"
    tried = [c for part in story.phases if isinstance(part, StoryPhase) for c in part.candidates]
    kept = sum(tone_of(c.decision) == "pass" for c in tried)
    yield "Candidates", f"{len(tried)} tried", f"{kept} kept, {len(tried) - kept} not"
    if story.phases:
        over = [b for b in story.phases[-1].budgets if b.status != "GREEN"]
        said = f"{len(over)} over target" if over else "all kept" if story.phases[-1].budgets else "not measured"
        yield "Budgets now", said, ", ".join(f"{b.name} {b.status}" for b in over)


def last_certification(story: Story) -> StoryCertification | None:
    """The newest certification; None without one."""
    return next((p for p in reversed(story.phases) if isinstance(p, StoryCertification)), None)


def open_points(story: Story, heat: Heat) -> list[tuple[str, str]]:
    """What is not finished: where it stands, and what it is; empty only if nothing is."""
    return [*_open_certification(story), *_open_gates(heat), *_open_budgets(story), *_open_phases(story)]


def _open_certification(story: Story) -> Iterator[tuple[str, str]]:
    certified = last_certification(story)
    if certified is None:
        yield "Certification", "none was made yet"
        return
    for blocker in certified.blockers:
        yield "Blocker", blocker
    for reason in (r for r in certified.reasons if r not in certified.blockers):
        yield f"Why {certified.grade} and not better", reason
    if certified is not story.phases[-1]:
        yield "Certification", f"it is older than {phase_names(story)[-1]}"


def _open_gates(heat: Heat) -> Iterator[tuple[str, str]]:
    by_level: dict[Level, list[str]] = {}
    for row in (row for band in heat.bands for row in band.rows):
        by_level.setdefault(row.cells[-1].level, []).append(row.gate_id)
    for level in (Level.FAIL, Level.INSUFFICIENT, Level.ABSENT, Level.B):
        if level in by_level:
            said = "at B, not at B+" if level is Level.B else LEVEL_NAMES[level]
            yield f"Gates in {heat.columns[-1].name}", f"{', '.join(by_level[level])}: {said}"


def _open_budgets(story: Story) -> Iterator[tuple[str, str]]:
    for budget in story.phases[-1].budgets if story.phases else ():
        if budget.status != "GREEN":
            limits = f"{seconds(budget.elapsed_s)} of {seconds(budget.target_s)}, {seconds(budget.stretch_s)} at most"
            yield "Runtime", f"{budget.name} is {budget.status}: {limits}"


def _open_phases(story: Story) -> Iterator[tuple[str, str]]:
    for k, (name, part) in enumerate(zip(phase_names(story), story.phases, strict=True)):
        if isinstance(part, StoryCertification):
            continue
        later = any(p.phase == part.phase for p in story.phases[k + 1 :])
        if part.marker.startswith("HOLD") and part.kind != "baseline" and not later:
            yield name, f"it holds: {part.marker}"
        for override in part.overrides:
            yield name, f"it ran under an override of the phase law: {override}"
        if part.board is None:
            yield name, "its data was pruned: the plots before and after cannot be drawn again from it"


def _start(story: Story) -> str:
    """The verdict that the road began with, and the posture's grade where it is known."""
    first = story.phases[0]
    if isinstance(first, StoryCertification):
        return first.grade
    if first.board is None:
        return first.marker or first.decision or ABSENT
    posture = first.board.receipt.posture
    return f"{POSTURES.get(posture, posture)}, {first.board.board.verdict}"


def _counted(column: Column) -> str:
    if not column.gates:
        return "no gate measured"
    return f"{column.at_b} of {column.gates} pass B and {column.at_bplus} pass B+"
