"""Gathering the summary of POPT: ledger, closures, the baseline's hotspot map and receipts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

from seg6b.errors import Damaged, EvidenceMissing
from seg6b.lane.boards import build_plan_budgets
from seg6b.lane.ladder import LADDER, WORTH, Place, last_closure
from seg6b.lane.lanes import lane_of
from seg6b.lane.worth import worth
from seg6b.render.popt_data import ArmLine, Cost, Hotspot, LaneLine, StateLine, Summary
from seg6b.runs import ledger
from seg6b.runs.disk import read_record
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.sweep import CONTROL
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.runs.verify import state_receipts
from seg6b.scoring.budgets import budget_facts
from seg6b.scoring.closure import ArmScore, Closure, RunFacts
from seg6b.scoring.facts import run_facts, testbed
from seg6b.settings.rules import OWNERS
from seg6b.settings.strategies import strategies_in

BASELINE: Final = lane_of(LADDER[0]).id


def gather_summary(root: Path, place: Place | None = None) -> Summary:
    """The ladder as ledger and files tell it.

    Args:
        root: project root.
        place: where it was walked; None takes that of the runtime baseline that was closed last.

    Raises:
        EvidenceMissing: no runtime baseline was closed there.
        Damaged: the ledger, a closure, a receipt or the hotspot map cannot be read.
    """
    run, receipt = _baseline(root, place)
    here = Place(int(receipt.world["arrivals"]), receipt.seed)
    bodies = {file: last_closure(root, lane_of(file).id, here) for file in (*LADDER, *WORTH)}
    closures = {file: closure for file, body in bodies.items() if body and (closure := _closure(root, body))}
    budgets = build_plan_budgets()
    return Summary(
        world=str(receipt.world["name"]),
        arrivals=int(receipt.world["arrivals"]),
        seed=receipt.seed,
        testbed=testbed(receipt),
        run_id=run.run_id,
        plan_arrivals=int(budgets["arrivals"]),
        lanes=tuple(_lane(root, file, bodies[file], closures.get(file)) for file in LADDER),
        states=tuple(_states(run, budgets)),
        hotspots=read_hotspots(root / "reports" / f"segment6b_{LADDER[0]}_hotspot_map_{run.run_id}.json"),
        worth=worth(list(closures.values()), receipt.knobs),
        generated_utc=max([receipt.ended_utc, *(closure.generated_utc for closure in closures.values())]),
    )


def read_hotspots(path: Path) -> tuple[Hotspot, ...]:
    """A hotspot map with whatever lanes it has; empty where it was never written.

    Raises:
        Damaged: it is no hotspot map.
    """
    if not path.exists():
        return ()
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_hotspot(state) for state in plain["states"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(
            "E_POPT_HOTSPOTS", "the hotspot map cannot be read", str(path), f"{type(error).__name__}: {error}"[:120],
            "the file as POPT.0 wrote it", f"Write it again: python -m seg6b.lane +lane={LADDER[0]}.",
        ) from error  # fmt: skip


def _hotspot(state: Mapping[str, Any]) -> Hotspot:
    lanes = {str(lane["lane"]): float(lane["share"]) for lane in state["lanes"] if lane["lane"] != "residual"}
    return Hotspot(str(state["state"]), float(state["elapsed_s"]), lanes, max(0.0, 1.0 - sum(lanes.values())))


def _baseline(root: Path, place: Place | None) -> tuple[RunFolder, RunReceipt]:
    """The run that the ladder stands on."""
    body = (
        next(iter(reversed(ledger.closures(root, BASELINE))), None)
        if place is None
        else last_closure(root, BASELINE, place)
    )
    run = RunFolder.of(root, str(body["run_id"])) if body else None
    if run is None or not run.exists():
        raise EvidenceMissing(
            "E_POPT_EMPTY", "no runtime baseline is closed here", str(ledger.ledger_path(root)), "",
            f"a closure of {BASELINE}", "Walk the ladder: python -m seg6b popt",
        )  # fmt: skip
    return run, run.receipt()


def _closure(root: Path, body: Mapping[str, Any]) -> Closure | None:
    """What a sweep was closed with; None for a lane of another kind, and where it is gone."""
    path = SweepFolder.of(root, str(body["sweep_id"])).closure_path if body.get("sweep_id") else None
    return read_record(path, Closure) if path is not None and path.exists() else None


def _lane(root: Path, file: str, body: Mapping[str, Any] | None, closure: Closure | None) -> LaneLine:
    lane = lane_of(file)
    asked = LaneLine(
        lane=lane.id,
        file=file,
        kind=lane.kind,
        owner=lane.owner,
        goal=lane.goal,
        requires=lane.requires,
        history=lane.history,
        state=lane.owner if lane.owner in OWNERS else "",
    )
    if body is None:
        return asked
    closed = replace(
        asked,
        decision=str(body["decision"]),
        marker=str(body.get("marker") or ""),
        reasons=tuple(body.get("reasons") or ()),
        overrides=tuple(body.get("overrides") or ()),
    )
    return _with_run(root, closed, body) if closure is None else _with_sweep(root, closed, closure)


def _with_run(root: Path, lane: LaneLine, body: Mapping[str, Any]) -> LaneLine:
    """With the one run of a lane without a sweep: what its states cost together."""
    run = RunFolder.of(root, str(body["run_id"])) if body.get("run_id") else None
    if run is None or not run.exists():
        return lane
    states = [receipt for name, receipt in state_receipts(run).items() if name in OWNERS]
    cost = Cost(
        sum(s.elapsed_s["total"] for s in states),
        max((s.peak_rss_mb for s in states), default=None),
        sum(map(_parts, states)),
    )
    return replace(lane, control=cost, strategies=_named(run.receipt().knobs, lane.state))


def _with_sweep(root: Path, lane: LaneLine, closure: Closure) -> LaneLine:
    state = str(closure.targets.get("state") or closure.owner)
    control = [run for run in closure.runs if run.arm == CONTROL]
    return replace(
        lane,
        state=state,
        best=closure.best,
        control=_cost(root, control, state) if control else None,
        strategies=_named(control[0].knobs, state) if control else (),
        arms=tuple(_arm(root, closure, score, state) for score in closure.arms),
    )


def _arm(root: Path, closure: Closure, score: ArmScore, state: str) -> ArmLine:
    cost = _cost(root, [run for run in closure.runs if run.arm == score.arm], state)
    return ArmLine(score.arm, score.overrides, str(score.decision), score.reasons, cost, score.ratio)


def _cost(root: Path, runs: Iterable[RunFacts], state: str) -> Cost:
    """What a state cost in the timed runs of an arm; the warm-up is none."""
    timed = [run for run in runs if run.round_index > 0 and state in run.executed]
    receipts = [RunFolder.of(root, run.run_id).state(state) for run in timed]
    peaks = [receipt.peak_rss_mb for receipt in receipts if receipt is not None]
    prefix = f"{state.lower()}_"
    parts = sum(n for name, n in timed[0].parts.items() if name.startswith(prefix)) if timed else 0
    took = median(run.elapsed_s[state] for run in timed) if timed else None
    return Cost(took, max(peaks, default=None), parts)


def _states(run: RunFolder, budgets: Mapping[str, Any]) -> Iterable[StateLine]:
    """The states of the baseline, each against its budget."""
    limits = {b.name: b for b in budget_facts([run_facts(run)], budgets, int(run.receipt().world["arrivals"]))}
    for name, receipt in sorted(state_receipts(run).items()):
        if name in OWNERS:
            cost = Cost(receipt.elapsed_s["total"], receipt.peak_rss_mb, _parts(receipt))
            written = sum(d.bytes for d in receipt.datasets.values())
            limit = limits.get(name)
            yield StateLine(name, cost, written, limit.target_s if limit else 0.0, limit.status if limit else "")


def _parts(receipt: StateReceipt) -> int:
    return sum(len(dataset.parts) for dataset in receipt.datasets.values())


def _named(knobs: Mapping[str, Any], state: str) -> tuple[str, ...]:
    """Strategies among knobs as overrides, of one state or of all."""
    return tuple(f"{key}={value}" for key, value in strategies_in(knobs, state).items())
