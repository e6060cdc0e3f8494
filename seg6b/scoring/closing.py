"""From the scores of all arms to the closure: the best arm, the decision of the lane, and its marker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from seg6b.runs.sweep import CONTROL
from seg6b.scoring.arms import KEPT, drifts_said, judge_arm
from seg6b.scoring.budgets import scaled
from seg6b.scoring.closure import REJECTED, ArmScore, Closure, Decision
from seg6b.scoring.dossier import Dossier
from seg6b.scoring.drift import differing
from seg6b.scoring.realism import passed, slack, still_open

LADDER: Final = (
    Decision.HOLD,
    Decision.INSUFFICIENT,
    Decision.REJECT,
    Decision.REJECT_SEMANTIC_DRIFT,
    Decision.INERT,
)


def close(dossier: Dossier, overrides: Sequence[str] = ()) -> Closure:
    """The closure of a sweep."""
    sweep = dossier.sweep
    arms = tuple(judge_arm(dossier, arm) for arm in sweep.arms[1:])
    best = best_of(arms)
    decision = best.decision if best else next((d for d in LADDER if d in {a.decision for a in arms}), Decision.HOLD)
    against = _against(dossier)
    open_still = _open(dossier, best) if best else []
    unlocked = decision == Decision.KEEP and not against and not open_still
    runs = [run for arm in sweep.arms for _, run in dossier.ended(arm.name)]
    return Closure(
        lane=sweep.lane,
        sweep_id=sweep.sweep_id,
        kind=sweep.kind,
        owner=sweep.owner,
        decision=Decision.HOLD if against else decision,
        best=best.arm if best else "",
        marker=str(sweep.closure.get("unlocks" if unlocked else "holds") or ""),
        reasons=(*against, *_reasons(arms, best), *open_still),
        arms=arms,
        runs=tuple(runs),
        baseline=dossier.baseline,
        targets=_targets(dossier),
        overrides=tuple(overrides),
        generated_utc=max((s.ended_utc for s in dossier.slots), default="") or sweep.created_utc,
    )


def best_of(arms: Sequence[ArmScore]) -> ArmScore | None:
    """The winner: KEEP first, then the smaller ratio, more gates passed, passed more safely, and then the name."""

    def rank(a: ArmScore) -> tuple[int, float, int, float, str]:
        return KEPT.index(a.decision), a.ratio.mean if a.ratio else 1.0, -passed(a), -slack(a), a.arm

    return min((a for a in arms if a.decision in KEPT), key=rank, default=None)


def nobody_left(closure: Closure) -> bool:
    """Whether no candidate is left: each failed or was rejected."""
    return all(a.decision in REJECTED or not (a.run_id or a.decision is Decision.INERT) for a in closure.arms)


def _against(dossier: Dossier) -> list[str]:
    """What keeps the lane at HOLD whatever its arms say."""
    ended = [run for _, run in dossier.ended(CONTROL)]
    moved = next((d for run in ended[1:] if (d := differing(run, ended[0]))), ())
    reasons = [f"the control's own rows differ between its runs: {drifts_said(moved)}"] if moved else []
    if not dossier.sweep.authority:
        run = next((r.run_id for r in ended if r.round_index > 0), "RUN")
        how = f"to pin the control: python -m seg6b pin {run} --role authority"
        if dossier.sweep.closure.get("control"):
            how = "to lock one: python -m seg6b.lane +lane=popt0"
        reasons.append(f"no authority of this policy is pinned for this world, posture, seed and scenario; {how}")
    return reasons


def _open(dossier: Dossier, best: ArmScore) -> list[str]:
    """What the closing rule still asks of the best arm."""
    targets, found = _targets(dossier), []
    limit = 1.0 - float(targets.get("min_reduction") or 0.0)
    if best.ratio is not None and limit < 1.0 and best.ratio.bounds[1] >= limit:
        found.append(
            f"the required reduction of {1.0 - limit:.0%} is not outside the interval: its upper end is "
            f"{best.ratio.bounds[1]:.3f}, and below {limit:.3f} is asked for"
        )
    found += still_open(best.gates, targets)
    target = float(targets["scaled_target_s"])
    owner = next((b for b in best.budgets if b.name == dossier.state), None)
    if target and (owner is None or owner.elapsed_s > target):
        took = f"{owner.elapsed_s:.2f} s" if owner else "an unknown time"
        found.append(f"{dossier.state} took {took}, its target is {target:.2f} s at this size")
    return found


def _targets(dossier: Dossier) -> dict[str, Any]:
    """The closing rule, with its seconds brought to the size of the world; 0 where none bind."""
    rule = dict(dossier.sweep.closure)
    limits = {
        f"scaled_{name}": scaled(float(rule.get(name) or 0.0), dossier.budgets, dossier.sweep.arrivals)
        if rule.get(name)
        else 0.0
        for name in ("target_s", "stretch_s")
    }
    return {**rule, "state": dossier.state, **limits}


def _reasons(arms: Sequence[ArmScore], best: ArmScore | None) -> list[str]:
    return [f"{a.arm}: {a.reasons[0]}" for a in ([best] if best else arms) if a.reasons]
