"""What a strategy is worth, from closures: an arm that differs from its control in that strategy alone measures it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from seg6b.render.popt_data import Gain, Worth
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import ArmScore, Closure, Ratio, RunFacts
from seg6b.settings.strategies import PLAN, state_of, strategies_in

ALONE: Final = "alone"
ON_TOP: Final = "on top"

Found = tuple[str, str, Gain]


def worth(closures: Sequence[Closure], authority: Mapping[str, Any]) -> tuple[Worth, ...]:
    """The worth of every strategy in which an authority differs from the build plan's.

    Alone: the other strategies of its state are the build plan's on both sides. On top: they are the authority's. Of
    several measurements the one with the most pairs counts, of equal ones the last.

    Args:
        closures: in the order they were closed.
        authority: knobs of the authority.
    """
    now = strategies_in(authority)
    gains: dict[tuple[str, str], Gain] = {}
    for key, setting, gain in (found for closure in closures for found in _measured(closure, now)):
        best = gains.get((key, setting))
        gains[key, setting] = gain if best is None or gain.n >= best.n else best
    return tuple(
        Worth(key, state_of(key), PLAN[key], now[key], gains.get((key, ALONE)), gains.get((key, ON_TOP)))
        for key in PLAN
        if now.get(key, PLAN[key]) != PLAN[key]
    )


def _measured(closure: Closure, now: Mapping[str, str]) -> Iterator[Found]:
    """Every gain that the arms of a closure tell, by strategy and setting."""
    control = _run(closure, CONTROL)
    for score in closure.arms:
        arm = _run(closure, score.arm)
        if control is not None and arm is not None and score.ratio is not None and not score.drifts:
            yield from _of_arm(closure, score, score.ratio, (control, arm), now)


def _of_arm(
    closure: Closure, score: ArmScore, ratio: Ratio, runs: tuple[RunFacts, RunFacts], now: Mapping[str, str]
) -> Iterator[Found]:
    control, arm = (run.knobs for run in runs)
    changed = [key for key in {**control, **arm} if control.get(key) != arm.get(key)]
    if len(changed) != 1 or changed[0] not in now or score.failed_runs:
        return
    (key,) = changed
    state = str(closure.targets.get("state") or closure.owner)
    sides = (str(control[key]), str(arm[key]))
    if state != state_of(key) or set(sides) != {PLAN[key], now[key]}:
        return
    gain = _gain(ratio, closure.lane, inverse=sides == (now[key], PLAN[key]))
    others = {name: value for name, value in strategies_in(control, state).items() if name != key}
    if all(value == PLAN[name] for name, value in others.items()):
        yield key, ALONE, gain
    if all(value == now[name] for name, value in others.items()):
        yield key, ON_TOP, gain


def _gain(ratio: Ratio, lane: str, *, inverse: bool) -> Gain:
    """The ratio as time with over time without; `inverse` where the arm is the side without."""
    if not inverse:
        return Gain(ratio.mean, ratio.ci95, ratio.n, lane)
    low, high = ratio.ci95
    return Gain(1.0 / ratio.mean, (1.0 / high, 1.0 / low), ratio.n, lane)


def _run(closure: Closure, arm: str) -> RunFacts | None:
    return next((run for run in closure.runs if run.arm == arm), None)
