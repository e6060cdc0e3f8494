"""The summary of POPT in words: its headline, its tiles, its tables, and what is still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from seg6b.render.closure_words import fraction, fractions
from seg6b.render.past import past_marker, past_seconds
from seg6b.render.popt_data import ArmLine, Cost, Gain, LaneLine, Summary
from seg6b.render.story_words import tone_of
from seg6b.render.wording import ABSENT, number, percent, seconds
from seg6b.runs.ledger import HOLD
from seg6b.scoring.closure import Ratio

NOT_RUN: Final = "NOT_RUN"


@dataclass(frozen=True, slots=True)
class Row:
    """One arm, or the control, in words."""

    name: str
    overrides: tuple[str, ...]
    decision: str
    reason: str
    elapsed: str
    ratio: str
    interval: str
    memory: str
    parts: str
    best: bool = False


@dataclass(frozen=True, slots=True)
class PastRow:
    """One lane then and now, in words.

    Attributes:
        lane: its id.
        state: whose seconds are named.
        then: what the build plan timed, from the least to the most, and the same a million arrivals.
        then_marker: how it ended there.
        now: the same of our control and arms.
        now_marker: how it ended here; empty where it was not run.
        lines: what the build plan says.
    """

    lane: str
    state: str
    then: tuple[str, str]
    then_marker: str
    now: tuple[str, str]
    now_marker: str
    lines: tuple[str, ...]


def outcome(summary: Summary) -> str:
    """Where the ladder has come to: the marker of the last lane that was decided."""
    done = [lane for lane in summary.lanes if lane.decision]
    return done[-1].marker or done[-1].decision if done else NOT_RUN


def headline(summary: Summary) -> str:
    """How far it was walked, in one sentence."""
    done = [lane for lane in summary.lanes if lane.decision]
    held = [lane.lane for lane in done if lane.marker.startswith(HOLD)]
    left = [lane.lane for lane in summary.lanes if not lane.decision]
    said = f"{len(done)} of {len(summary.lanes)} lanes are decided"
    said += f"; {', '.join(held)} {'hold' if len(held) > 1 else 'holds'}" if held else ""
    return f"{said}; not run: {', '.join(left)}." if left else f"{said}."


def tiles(summary: Summary) -> Iterator[tuple[str, str, str]]:
    """The figures beside the headline: name, figure, remark."""
    done = [lane for lane in summary.lanes if lane.decision]
    unlocked = [lane for lane in done if tone_of(lane.marker) == "pass"]
    yield "Lanes", f"{len(done)} of {len(summary.lanes)}", f"{len(unlocked)} unlocked, {len(done) - len(unlocked)} not"
    arms = [arm for lane in done for arm in lane.arms]
    yield "Arms", str(len(arms)), f"{sum(tone_of(arm.decision) == 'pass' for arm in arms)} kept"
    whole = sum(state.cost.elapsed_s or 0.0 for state in summary.states)
    yield "S1 to S5, baseline", seconds(whole), f"{per_million(whole, summary.arrivals)} a million arrivals"
    peak = max((state.cost.peak_rss_mb or 0.0 for state in summary.states), default=0.0)
    yield "Peak memory", memory(peak or None), "of the baseline"
    gains = [(g.mean, w.key) for w in summary.worth for g in (w.alone, w.on_top) if g and g.ci95[1] < 1.0]
    if gains:
        yield "Greatest gain", percent(1.0 - min(gains)[0]), f"of its state's time, {min(gains)[1]}"
    yield "World", summary.world, f"{summary.arrivals:,} arrivals, seed {summary.seed}"


def rows(lane: LaneLine) -> list[Row]:
    """The control and every arm of a lane; the one run of a lane without arms."""
    first = [] if lane.control is None else [_control(lane, lane.control)]
    return [*first, *(_arm(arm, best=arm.name == lane.best) for arm in lane.arms)]


def past_rows(summary: Summary) -> list[PastRow]:
    """Every lane that has a history, in order."""
    return [_past(lane, summary) for lane in summary.lanes if lane.history]


def open_points(summary: Summary) -> list[tuple[str, str]]:
    """What is not finished: where it stands, and what it is."""
    return [point for lane in summary.lanes for point in _open(lane)] + [
        (worth.key, f"{' and '.join(missing)} not measured")
        for worth in summary.worth
        if (missing := [name for name, gain in (("alone", worth.alone), ("on top", worth.on_top)) if gain is None])
    ]


def gain_said(gain: Gain | None) -> tuple[str, str, str]:
    """A gain, its interval, and where it was measured."""
    if gain is None:
        return ABSENT, "", "not measured"
    return fraction(gain.mean), fractions(gain.ci95), f"{gain.lane}, {gain.n} pairs"


def per_million(value_s: float, arrivals: int) -> str:
    """Seconds a million arrivals, in three digits.

    >>> per_million(563.2, 124_724_153), per_million(6.0, 500_000)
    ('4.52 s', '12 s')
    """
    return f"{number(value_s * 1e6 / arrivals, 3)} s"


def memory(peak_rss_mb: float | None) -> str:
    """Peak memory as a receipt has it; a dash for none.

    >>> memory(1234.4)
    '1,234 MB'
    """
    return ABSENT if peak_rss_mb is None else f"{peak_rss_mb:,.0f} MB"


def _control(lane: LaneLine, cost: Cost) -> Row:
    return Row(
        "control" if lane.arms else "the run", lane.strategies, "", "", seconds(cost.elapsed_s), ABSENT, "",
        memory(cost.peak_rss_mb), _parts(cost),
    )  # fmt: skip


def _arm(arm: ArmLine, *, best: bool) -> Row:
    ratio, ends = _ratio(arm.ratio)
    return Row(
        arm.name, arm.overrides, arm.decision, next(iter(arm.reasons), ""), seconds(arm.cost.elapsed_s), ratio, ends,
        memory(arm.cost.peak_rss_mb), _parts(arm.cost), best,
    )  # fmt: skip


def _ratio(ratio: Ratio | None) -> tuple[str, str]:
    return (ABSENT, "") if ratio is None else (fraction(ratio.mean), fractions(ratio.ci95))


def _parts(cost: Cost) -> str:
    return f"{cost.parts:,}" if cost.elapsed_s is not None else ABSENT


def _past(lane: LaneLine, summary: Summary) -> PastRow:
    then = [s for _, s in past_seconds(lane.history, lane.state)] if lane.state else []
    costs = [*([lane.control] if lane.control else []), *(arm.cost for arm in lane.arms)] if lane.state else []
    now = [cost.elapsed_s for cost in costs if cost.elapsed_s is not None]
    sides = _range(then, summary.plan_arrivals), _range(now, summary.arrivals)
    return PastRow(lane.lane, lane.state, sides[0], past_marker(lane.history), sides[1], lane.marker, lane.history)


def _range(took_s: Sequence[float], arrivals: int) -> tuple[str, str]:
    """Seconds from the least to the most, and the same a million arrivals."""
    ends = sorted({min(took_s), max(took_s)}) if took_s else []
    told = (" to ".join(map(seconds, ends)), " to ".join(per_million(end, arrivals) for end in ends))
    return told if ends else (ABSENT, "")


def _open(lane: LaneLine) -> Iterator[tuple[str, str]]:
    if not lane.decision:
        needs = f"; it requires {' and '.join(lane.requires)}" if lane.requires else ""
        yield lane.lane, f"not run here{needs}"
    elif lane.marker.startswith(HOLD):
        yield lane.lane, f"{lane.marker}: {_first(lane.reasons)}"
    for override in lane.overrides:
        yield lane.lane, f"ran under an override of the phase law: {override}"


def _first(reasons: Sequence[str]) -> str:
    return next(iter(reasons), "no reason was given")
