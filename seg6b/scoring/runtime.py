"""Runtime scorer: the time of an arm over that of the control, from paired runs, judged at planned looks.

A pair is the arm's and the control's run of one round of one set. One set gives KEEP_PROVISIONAL at most; a second,
separate set confirms or withdraws it. The decision rests on an interval that is wider than 95 %: it is looked at up to
three times, and all looks together err in at most 5 % of sweeps whose arms are alike.

References:
    S. Pocock, Biometrika 64, 1977, p. 191: constant boundaries. The levels here are his, made stricter for t-intervals
    of few pairs (`tests/scoring/test_levels.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from seg6b.errors import EvidenceMissing
from seg6b.scoring.closure import Decision, Ratio, RunFacts
from seg6b.stats.paired import (
    F64,
    FURTHER_MAX,
    PairedMean,
    bootstrap_interval,
    further_pairs,
    paired_mean,
    unsettled_by,
)

CONFIDENCE: Final = {1: 0.95, 2: 0.974, 3: 0.982}
WIDEST: Final = math.log(1e6)
REASONS: Final = {
    "spread": "the pairs scatter",
    "drift": "the control's own times drift",
    "two modes": "the times fall into two groups",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """An arm's run and the control's of the same round."""

    arm: RunFacts
    control: RunFacts

    def seconds(self, states: Sequence[str]) -> tuple[float, float]:
        """Wall seconds of both over `states`."""
        return sum(self.arm.elapsed_s[s] for s in states), sum(self.control.elapsed_s[s] for s in states)


@dataclass(frozen=True, slots=True)
class Timing:
    """What the times of an arm say.

    Attributes:
        decision: KEEP, KEEP_PROVISIONAL, INSUFFICIENT or REJECT by time alone; HOLD where no pair came about.
        reason: in words.
        pairs: the pairs it rests on.
        set_ratios: one a set.
        ratio: pooled over sets; None without a pair.
        lane_ratio: the same for all executed states together.
    """

    decision: Decision
    reason: str
    pairs: tuple[Pair, ...] = ()
    set_ratios: tuple[Ratio, ...] = ()
    ratio: Ratio | None = None
    lane_ratio: Ratio | None = None


def planned_looks(repeats: int, max_repeats: int) -> tuple[int, ...]:
    """Rounds after which a set is judged.

    >>> planned_looks(5, 12), planned_looks(5, 5), planned_looks(3, 4)
    ((5, 8, 12), (5,), (3, 4))
    """
    last = max(repeats, max_repeats)
    return tuple(sorted({repeats, (repeats + last) // 2, last}))


def pooled_ratio(sets: Sequence[tuple[Sequence[float], Sequence[float]]], looks: int, limit: float = 1.0) -> Ratio:
    """Ratio over sets, pooled by set, then by repeat; an interval without end is written as 1e-6 to 1e6.

    Args:
        sets: seconds of the arm and of the control, pair by pair, for each set.
        looks: planned looks, which set the level.
        limit: the ratio that the interval has to lie below or above to settle the question.
    """
    strata = [_logs(arm) - _logs(control) for arm, control in sets]
    mean, everything, level = paired_mean(strata), np.concatenate(strata), CONFIDENCE[looks]
    bounds = _back(mean.interval(level))
    straddles = bounds[0] <= limit <= bounds[1]
    control = np.concatenate([_logs(control) for _, control in sets])
    return Ratio(
        median=math.exp(float(np.median(everything))),
        mean=math.exp(mean.mean),
        ci95=_back(mean.interval(0.95)),
        bootstrap95=_back(bootstrap_interval(strata)),
        bounds=bounds,
        n=mean.n,
        spread=mean.spread,
        reason=unsettled_by(everything, control) if straddles else "",
        more=_more(mean, level, limit) if straddles else 0,
    )


def judge_times(
    pairs: Sequence[Pair], state: str, rounds: tuple[int, int], looks: Sequence[int], limit: float = 1.0
) -> Timing:
    """Judge one arm.

    Args:
        pairs: all its pairs, in the order of sets and rounds.
        state: the state whose time decides.
        rounds: rounds that the arm has been through in set 1 and in set 2, ended or failed.
        looks: rounds after which a set is judged.
        limit: the ratio below which the interval has to lie; 1 asks for a gain, more than that for no loss.

    Raises:
        EvidenceMissing: the runs are of more than one testbed, or did not execute the state.
    """
    _require_comparable(pairs, state)
    look = max((n for n in looks if n <= rounds[0]), default=0)
    first = [p for p in pairs if p.arm.set_index == 1 and p.arm.round_index <= (look or looks[-1])]
    second = [p for p in pairs if p.arm.set_index == 2 and p.arm.round_index <= look]
    confirmed = bool(look) and rounds[1] >= look
    used = [first, second] if confirmed and second else [first]
    if not first:
        nothing = Decision.HOLD if look else Decision.INSUFFICIENT
        return Timing(nothing, f"no pair of runs of arm and control; {look or looks[0]} are planned")
    ratios = tuple(_pooled([chosen], (state,), len(looks), limit) for chosen in used)
    pooled = ratios[0] if len(used) == 1 else _pooled(used, (state,), len(looks), limit)
    decision, reason = _judged(_Claim(state, limit), ratios, pooled, look, looks)
    if confirmed and not second and decision is Decision.KEEP_PROVISIONAL:
        decision, reason = Decision.INSUFFICIENT, f"{_Claim(state, limit).recurred}: set 2 left no pair"
    everything = tuple(p for chosen in used for p in chosen)
    lane = _pooled(used, _common(everything), len(looks))
    return Timing(decision, reason, everything, ratios, pooled, lane)


def said(ratio: Ratio, interval: tuple[float, float]) -> str:
    """A ratio with the interval that decides.

    >>> said(Ratio(0.9, 0.9, (0.86, 0.94), (0.87, 0.93), (0.85, 0.95), 5, 0.03), (0.85, 0.95))
    'ratio 0.900 [0.850, 0.950], 5 pairs'
    """
    low, high = interval
    return f"ratio {ratio.mean:.3f} [{low:.3f}, {high:.3f}], {ratio.n} pair{'' if ratio.n == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the times of a state have to show: that it is faster, or that it is not slower by more than is allowed."""

    state: str
    limit: float

    @property
    def shown(self) -> str:
        return f"{self.state} is faster" if self.limit == 1.0 else f"{self.state} is not {self._slower}"

    @property
    def refuted(self) -> str:
        more = "slower than the control's" if self.limit == 1.0 else self._slower
        return f"{self.state} is {more}"

    @property
    def open(self) -> str:
        neither = "neither faster nor slower" if self.limit == 1.0 else f"neither {self._slower} nor shown not to be"
        return f"{self.state} is {neither}"

    @property
    def recurred(self) -> str:
        return "the gain did not recur" if self.limit == 1.0 else f"that {self.shown} did not recur"

    @property
    def _slower(self) -> str:
        return f"slower by more than {self.limit - 1.0:.1%}".replace("%", " %")


def _judged(
    claim: _Claim, ratios: Sequence[Ratio], pooled: Ratio, look: int, looks: Sequence[int]
) -> tuple[Decision, str]:
    first = ratios[0]
    told = said(first, first.bounds)
    if not look:
        return Decision.INSUFFICIENT, f"{first.n} of {looks[0]} planned pairs are there"
    if first.bounds[0] > claim.limit:
        return Decision.REJECT, f"{claim.refuted}: {told}"
    if first.bounds[1] >= claim.limit:
        return Decision.INSUFFICIENT, f"{claim.open}: {told}; {_unsettled(first)}"
    if len(ratios) == 1:
        return Decision.KEEP_PROVISIONAL, f"{claim.shown} in one set of runs: {told}; a second has to agree"
    second = ratios[1]
    if second.ci95[1] < claim.limit and pooled.bounds[1] < claim.limit:
        return Decision.KEEP, f"{claim.shown} in two separate sets of runs: {said(pooled, pooled.bounds)}"
    return Decision.INSUFFICIENT, f"{claim.recurred}: set 1 {told}, set 2 {said(second, second.ci95)}"


def _unsettled(ratio: Ratio) -> str:
    if ratio.n < 2:
        return "one pair has no interval"
    repeats = "1 more repeat" if ratio.more == 1 else f"{ratio.more} more repeats"
    more = f"{repeats} would settle it" if ratio.more > 0 else f"{FURTHER_MAX} more repeats would not settle it"
    return f"{REASONS[ratio.reason]} (standard deviation {ratio.spread:.1%}); {more}"


def _pooled(sets: Sequence[Sequence[Pair]], states: Sequence[str], looks: int, limit: float = 1.0) -> Ratio:
    seconds = [[p.seconds(states) for p in pairs] for pairs in sets]
    return pooled_ratio([([a for a, _ in s], [c for _, c in s]) for s in seconds], looks, limit)


def _common(pairs: Sequence[Pair]) -> tuple[str, ...]:
    """States that every run of the pairs executed."""
    runs = [run for p in pairs for run in (p.arm, p.control)]
    return tuple(s for s in runs[0].executed if all(s in run.executed for run in runs))


def _logs(seconds: Sequence[float]) -> F64:
    return np.log(np.maximum(np.asarray(seconds, np.float64), 1e-6))


def _back(interval: tuple[float, float]) -> tuple[float, float]:
    low, high = (math.exp(min(max(end, -WIDEST), WIDEST)) for end in interval)
    return low, high


def _more(mean: PairedMean, level: float, limit: float) -> int:
    return further_pairs(mean.mean - math.log(limit), mean.spread, mean.n, level) if mean.n > 1 else -1


def _require_comparable(pairs: Sequence[Pair], state: str) -> None:
    runs = [run for p in pairs for run in (p.control, p.arm)]
    for run in runs:
        if state not in run.executed:
            raise EvidenceMissing(
                "E_SCORE_NOT_EXECUTED", f"a timed run did not execute {state}", f"run {run.run_id}",
                ", ".join(run.executed), state,
                "Remove the folder of the sweep below mlruns/sweeps; the same command begins it anew.",
            )  # fmt: skip
        if run.testbed != runs[0].testbed:
            raise EvidenceMissing(
                "E_SCORE_TESTBED", "times of two testbeds are not compared",
                f"runs {runs[0].run_id} and {run.run_id}", run.testbed, runs[0].testbed,
                "Remove the folder of the sweep below mlruns/sweeps; the same command begins it anew, here alone.",
            )  # fmt: skip
