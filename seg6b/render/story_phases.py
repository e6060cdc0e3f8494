"""One phase of the story: what was asked, tried, decided, moved, and how it looks before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from seg6b.gates.result import GateResult
from seg6b.render.data import BoardData
from seg6b.render.plots.paired import aligned
from seg6b.render.plots.shape import Plot
from seg6b.render.sections import Draw, drawn_plot
from seg6b.render.story_data import Story, StoryPhase
from seg6b.render.story_gates import GateMove, gate_moves
from seg6b.render.story_heat import anchors, not_at_b, phase_names
from seg6b.render.story_waves import wave_in


@dataclass(frozen=True, slots=True)
class Drill:
    """Plots of a phase before and after, in pairs.

    Attributes:
        pairs: before and after.
        before: name of the phase whose run is shown as before.
        after: name of this phase.
        missing: why there are none, or why the run before is not that of the phase before; empty if all is there.
    """

    pairs: tuple[tuple[Plot, Plot], ...]
    before: str
    after: str
    missing: str = ""

    @property
    def plots(self) -> list[Plot]:
        """All of them."""
        return [plot for pair in self.pairs for plot in pair]


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase as the page shows it.

    Attributes:
        anchor: element id.
        name: what it is called.
        part: the phase.
        began: for the first phase: gates that do not pass B, by the wave that has to mend them.
        moves: gates that moved, and the phase's own.
        since: name of the phase that they are held against; empty for the first one.
        drill: before and after; None for a phase that owns no plots.
    """

    anchor: str
    name: str
    part: StoryPhase
    began: tuple[tuple[str, str], ...]
    moves: tuple[GateMove, ...]
    since: str
    drill: Drill | None


def phase_views(story: Story) -> dict[str, PhaseView]:
    """Every baseline and wave by its element id, each held against the one before it."""
    views: dict[str, PhaseView] = {}
    walked: list[tuple[str, StoryPhase]] = []
    for anchor, name, part in zip(anchors(story), phase_names(story), story.phases, strict=True):
        if isinstance(part, StoryPhase):
            views[anchor] = _view(anchor, name, part, walked)
            walked.append((name, part))
    return views


def _view(anchor: str, name: str, part: StoryPhase, walked: Sequence[tuple[str, StoryPhase]]) -> PhaseView:
    if not walked:
        return PhaseView(anchor, name, part, _began(part.gates), (), "", None)
    since, last = walked[-1]
    moves = tuple(gate_moves(last.gates, part.gates, part.phase))
    return PhaseView(anchor, name, part, (), moves, since, _drill(anchor, name, part, walked))


def _began(gates: Mapping[str, GateResult]) -> tuple[tuple[str, str], ...]:
    return tuple((f"{wave.phase} {wave.name}".strip(), mine) for wave, mine in not_at_b(gates))


def _drill(anchor: str, name: str, part: StoryPhase, walked: Sequence[tuple[str, StoryPhase]]) -> Drill | None:
    wave = wave_in(part.phase)
    if wave is None:
        return None
    before = next(((n, p.board) for n, p in reversed(walked) if p.board), None)
    if part.board is None:
        return Drill(
            (), walked[-1][0], name, f"The data of {name} was pruned: gates and decisions are kept, plots are not."
        )
    if before is None:
        return Drill((), walked[-1][0], name, f"No run before {name} has its data still: there is nothing to compare.")
    since, board = before
    pairs = tuple(_pair(f"{anchor}-{k}", title, draw, board, part.board) for k, (title, draw) in enumerate(wave.plots))
    lost = f"The data of {walked[-1][0]} was pruned: before is {since}." if since != walked[-1][0] else ""
    return Drill(pairs, since, name, lost)


def _pair(name: str, title: str, draw: Draw, before: BoardData, after: BoardData) -> tuple[Plot, Plot]:
    first, second = aligned(drawn_plot(name, title, draw, before), drawn_plot(name, title, draw, after))
    return replace(first, name=f"{name}-before", span="half"), replace(second, name=f"{name}-after", span="half")
