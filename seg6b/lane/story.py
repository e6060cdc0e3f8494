"""Gathering the remediation story: ledger, closures, certifications and boards, as the road was walked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from seg6b.errors import EvidenceMissing
from seg6b.gates.board_file import read_board
from seg6b.gates.result import GateResult, gate_order
from seg6b.lane.boards import board_data, build_plan_budgets
from seg6b.lane.certify import LANE as CERTIFIED
from seg6b.lane.certify import folder_of
from seg6b.lane.lanes import lane_of
from seg6b.render.data import BoardData
from seg6b.render.story_data import Story, StoryCandidate, StoryCertification, StoryPhase
from seg6b.runs import ledger
from seg6b.runs.disk import read_record
from seg6b.runs.folder import RunFolder
from seg6b.runs.pruned import read_mark
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.budgets import budget_facts
from seg6b.scoring.certification import Certification
from seg6b.scoring.closure import ArmScore, BudgetFact, Closure
from seg6b.scoring.facts import run_facts
from seg6b.settings.job import Lane

TITLES: Final = {
    "P0": "The baseline",
    "P1": "Wave A.1: truth, cases, a validation that fails closed",
    "P2": "Wave A.2: amounts and times",
    "P3": "Wave B: campaigns",
    "P4": "Wave C: sessions and attachment",
    "P6": "The push to B+",
}


def gather_story(root: Path) -> Story:
    """The road as ledger and files tell it; a phase that was closed again stands where it was closed last.

    Raises:
        EvidenceMissing: no phase was walked yet.
        Damaged: the ledger, a closure or a certification cannot be read.
    """
    parts = [part for entry in _last_entries(root) if (part := _part(root, entry)) is not None]
    phases = [part for part in parts if isinstance(part, StoryPhase)]
    if not phases:
        raise EvidenceMissing(
            "E_STORY_EMPTY", "no phase of the remediation is closed yet", str(ledger.ledger_path(root)), "",
            "a baseline at least", "Walk the road: python -m seg6b remediate",
        )  # fmt: skip
    receipt = RunFolder.of(root, phases[0].run_id).receipt()
    stamps = [RunFolder.of(root, phase.run_id).receipt().ended_utc for phase in phases]
    return Story(
        world=str(receipt.world["name"]),
        arrivals=int(receipt.world["arrivals"]),
        seed=receipt.seed,
        phases=tuple(parts),
        generated_utc=max(stamps),
    )


def _last_entries(root: Path) -> list[ledger.Entry]:
    """The last closure of each phase, and of each policy that was certified, in the order of the ledger."""
    last: dict[tuple[str, str], ledger.Entry] = {}
    for entry in ledger.entries(root):
        lane = str(entry.body.get("lane") or "")
        if entry.kind == ledger.CLOSURE and lane in {*TITLES, CERTIFIED}:
            last.pop((lane, str(entry.body.get("parameter_hash", ""))), None)
            last[lane, str(entry.body.get("parameter_hash", ""))] = entry
    return list(last.values())


def _part(root: Path, entry: ledger.Entry) -> StoryPhase | StoryCertification | None:
    """A phase as it was told; None where its run or its record is gone."""
    body = entry.body
    if body["lane"] == CERTIFIED:
        path = folder_of(root, str(body["certification_id"])) / "certification.json"
        return _certification(read_record(path, Certification)) if path.exists() else None
    lane = lane_of(str(body["lane"]).lower())
    if not body.get("sweep_id"):
        return _phase(root, lane, body, str(body["run_id"]), ())
    path = SweepFolder.of(root, str(body["sweep_id"])).closure_path
    if not path.exists():
        return None
    closure = read_record(path, Closure)
    return _phase(root, lane, body, _stands_after(closure), tuple(map(_candidate, closure.arms)))


def _stands_after(closure: Closure) -> str:
    """The run that stands after a wave: of its best arm, else where it began."""
    best = next((arm.run_id for arm in closure.arms if arm.arm == closure.best), "")
    return best or next((run.run_id for run in closure.runs if run.arm == "control"), "")


def _phase(
    root: Path, lane: Lane, body: Mapping[str, Any], run_id: str, candidates: tuple[StoryCandidate, ...]
) -> StoryPhase | None:
    run = RunFolder.of(root, run_id) if run_id else None
    if run is None or not run.exists():
        return None
    return StoryPhase(
        phase=lane.id,
        lane=lane.id,
        kind=lane.kind,
        title=TITLES[lane.id],
        goal=lane.goal,
        owner=lane.owner,
        alternatives=tuple((a.name, a.rejected_because) for a in lane.alternatives),
        candidates=candidates,
        decision=str(body["decision"]),
        marker=str(body["marker"]),
        reasons=tuple(body["reasons"]),
        overrides=tuple(body.get("overrides") or ()),
        board=_board(root, run),
        gates=_gates(run),
        run_id=run_id,
        budgets=_budgets(run),
    )


def _candidate(score: ArmScore) -> StoryCandidate:
    return StoryCandidate(score.arm, score.overrides, str(score.decision), score.reasons)


def _board(root: Path, run: RunFolder) -> BoardData | None:
    return None if read_mark(run) is not None else board_data(root, run)


def _gates(run: RunFolder) -> dict[str, GateResult]:
    board = read_board(run)
    return {gate: board.gates[gate] for gate in sorted(board.gates, key=gate_order)} if board else {}


def _budgets(run: RunFolder) -> tuple[BudgetFact, ...]:
    facts = run_facts(run)
    return budget_facts([facts], build_plan_budgets(), int(run.receipt().world["arrivals"]))


def _certification(made: Certification) -> StoryCertification:
    levels = {
        level: {gate: dict(_by_seed(states)) for gate, states in found.items()} for level, found in made.passes.items()
    }
    return StoryCertification(
        phase=CERTIFIED,
        grade=str(made.grade),
        seeds=made.seeds,
        verdicts=dict(_by_seed(made.verdicts)),
        values={gate: dict(_by_seed(values)) for gate, values in made.values.items()},
        passes=levels["bplus"],
        cv=made.cv,
        cv_max=made.cv_limits["bplus"],
        blockers=made.blockers,
        budgets=made.budgets,
        reasons=made.reasons,
        passes_b=levels["b"],
    )


def _by_seed(told: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    return ((int(seed), value) for seed, value in told.items())
