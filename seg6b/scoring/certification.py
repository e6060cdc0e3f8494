"""Certification: one policy on all required seeds, from boards and facts to one grade.

Source: build plan sections 3.3, 3.4 and P5; `gates.md` sections 4 and 5. Blockers carry the build plan's names:
P5-B1 a required seed is missing, P5-B2 a receipt has another seed than the map says, P5-B3 S5 failed a required check,
P5-B4 the metrics scatter across seeds beyond the limit of B.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, pstdev
from typing import Any, Final

from seg6b.gates.record import HARD
from seg6b.gates.result import GateBoard, Status
from seg6b.gates.thresholds import CrossSeed, Thresholds
from seg6b.runs.receipt import RunReceipt
from seg6b.scoring.budgets import GREEN, budget_fact, overdraft, overdrawn, scaled
from seg6b.scoring.closure import BudgetFact, RunFacts
from seg6b.scoring.facts import PASS, checks_pass, failed_checks
from seg6b.scoring.realism import LEVELS

WITNESS: Final = "witness"
CERTIFICATION: Final = "certification"
SEEDS_OF: Final = {WITNESS: 2, CERTIFICATION: 0}


class Grade(StrEnum):
    """What a certification ends with."""

    PASS_BPLUS_ROBUST = "PASS_BPLUS_ROBUST"
    PASS_B = "PASS_B"
    HOLD_REMEDIATE = "HOLD_REMEDIATE"


@dataclass(frozen=True, slots=True)
class SeedRun:
    """The run of one seed.

    Attributes:
        seed: the seed that it stands for.
        facts: of the run.
        board: its gates.
        ended_utc: when it ended.
        faults: why it may not be used: damage, a stale S5, a policy that is not what its hash says; empty where it may.
    """

    seed: int
    facts: RunFacts
    board: GateBoard
    ended_utc: str = ""
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Certification:
    """A policy, certified or not.

    Attributes:
        certification_id: 32 lower hex; equal policy, world, code and seeds have equal ids.
        grade: by rule.
        reasons: why it is not a better grade; empty for the best.
        blockers: what makes it HOLD_REMEDIATE whatever the gates say, each with its id.
        world: name of the world.
        manifest_fingerprint: world.
        parameter_hash: policy.
        posture: its name.
        scenario_id: scenario.
        arrivals: size of the world.
        seeds: required seeds, in order.
        runs: run id by seed.
        verdicts: verdict of each run by seed.
        values: gate → seed → value.
        passes: level → gate → seed → status.
        cv: coefficient of variation across seeds by metric.
        cv_limits: `b` and `bplus`.
        budgets: states (the slowest seed), the witness and the certification lane.
        statistics: line → seed → status at B+, of the lines that bind.
        gate_file: version and digest.
        robust: what further seeds and worlds said; None where they were not asked.
        generated_utc: RFC 3339, of the last run, so that scoring again gives the same.
    """

    certification_id: str
    grade: Grade
    reasons: tuple[str, ...]
    blockers: tuple[str, ...]
    world: str
    manifest_fingerprint: str
    parameter_hash: str
    posture: str
    scenario_id: str
    arrivals: int
    seeds: tuple[int, ...]
    runs: dict[str, str]
    verdicts: dict[str, str]
    values: dict[str, dict[str, float | None]]
    passes: dict[str, dict[str, dict[str, str]]]
    cv: dict[str, float]
    cv_limits: dict[str, float]
    budgets: tuple[BudgetFact, ...]
    statistics: dict[str, dict[str, str]]
    gate_file: tuple[str, str]
    robust: dict[str, Any] | None = None
    generated_utc: str = ""


@dataclass(frozen=True, slots=True)
class Findings:
    """All that a grade rests on.

    Attributes:
        blockers: with their ids.
        failing: hard gates below B, as `T5 (seed 7)`.
        short: gates below B+, likewise.
        unsettled: binding lines of the statistics layer below B+, likewise.
        cv: by metric.
        budgets: as measured.
    """

    blockers: tuple[str, ...]
    failing: tuple[str, ...]
    short: tuple[str, ...]
    unsettled: tuple[str, ...]
    cv: dict[str, float]
    budgets: tuple[BudgetFact, ...]


def certification_of(
    identity: str,
    receipt: RunReceipt,
    thresholds: Thresholds,
    runs: Mapping[int, SeedRun],
    budgets: Mapping[str, Any],
) -> Certification:
    """The certification of a policy.

    Args:
        identity: its id.
        receipt: of the run whose policy and world are certified.
        thresholds: the gate file, with the required seeds.
        runs: by seed.
        budgets: runtime budgets, as plain data.
    """
    rule, arrivals = thresholds.cross_seed, int(receipt.world["arrivals"])
    found = findings(runs, rule.seeds, rule, budgets, arrivals)
    grade, reasons = graded(found, rule)
    boards = {str(seed): run.board for seed, run in runs.items()}
    gates = list(dict.fromkeys(gate for board in boards.values() for gate in board.gates))
    lines = dict.fromkeys((x.name, x.test) for board in boards.values() for x in board.statistics if x.blocking)
    return Certification(
        certification_id=identity,
        grade=grade,
        reasons=reasons,
        blockers=found.blockers,
        world=str(receipt.world["name"]),
        manifest_fingerprint=receipt.manifest_fingerprint,
        parameter_hash=receipt.parameter_hash,
        posture=receipt.posture,
        scenario_id=receipt.scenario_id,
        arrivals=arrivals,
        seeds=tuple(rule.seeds),
        runs={str(seed): run.facts.run_id for seed, run in runs.items()},
        verdicts={seed: str(board.verdict) for seed, board in boards.items()},
        values={gate: {seed: board.gates[gate].value for seed, board in boards.items()} for gate in gates},
        passes={
            level: {gate: {s: str(getattr(board.gates[gate], level)) for s, board in boards.items()} for gate in gates}
            for level in LEVELS
        },
        cv=found.cv,
        cv_limits={"b": rule.cv_max.b, "bplus": rule.cv_max.bplus},
        budgets=found.budgets,
        statistics={f"{name} {test}": _line(boards, name, test) for name, test in lines},
        gate_file=(thresholds.version, thresholds.digest),
        generated_utc=max((run.ended_utc for run in runs.values()), default=""),
    )


def findings(
    runs: Mapping[int, SeedRun], seeds: Sequence[int], rule: CrossSeed, plain: Mapping[str, Any], arrivals: int
) -> Findings:
    """What the runs of all seeds say together.

    Args:
        runs: by the seed that each stands for; a missing seed is a blocker.
        seeds: required seeds.
        rule: the cross-seed rule of the gate file.
        plain: runtime budgets, as plain data.
        arrivals: size of the world.
    """
    cv = {name: scatter(_metric(runs, name), floor) for name, floor in rule.floors.items()} if len(runs) > 1 else {}
    return Findings(
        blockers=tuple(_blockers(runs, seeds, cv, rule)),
        failing=tuple(_below(runs, "b", hard=True)),
        short=tuple(_below(runs, "bplus", hard=False)),
        unsettled=tuple(
            f"{line.name} {line.test} (seed {seed})"
            for seed, run in runs.items()
            for line in run.board.statistics
            if line.blocking and line.bplus is not Status.PASS
        ),
        cv=cv,
        budgets=tuple(lane_budgets([run.facts for run in runs.values()], plain, arrivals)),
    )


def graded(found: Findings, rule: CrossSeed) -> tuple[Grade, tuple[str, ...]]:
    """The grade, and why it is not a better one."""
    failing = [f"hard gates fail at B: {', '.join(found.failing)}"] if found.failing else []
    against = [*found.blockers, *failing, *map(overdraft, overdrawn(found.budgets))]
    if against:
        return Grade.HOLD_REMEDIATE, tuple(against)
    short = [f"gates below B+: {', '.join(found.short)}"] if found.short else []
    lines = [f"statistics below B+: {', '.join(found.unsettled)}"] if found.unsettled else []
    wide = [f"{name} scatters by {cv:.3f}" for name, cv in found.cv.items() if cv > rule.cv_max.bplus]
    scattered = [f"cross-seed variation above {rule.cv_max.bplus:g}: {'; '.join(wide)}"] if wide else []
    open_still = (*short, *lines, *scattered)
    return (Grade.PASS_B, open_still) if open_still else (Grade.PASS_BPLUS_ROBUST, ())


def regraded(certified: Certification, against: Sequence[str]) -> Certification:
    """The same with what a wider field has against it: what is not robust is PASS_B at most."""
    if not against:
        return certified
    grade = Grade.PASS_B if certified.grade is Grade.PASS_BPLUS_ROBUST else certified.grade
    return replace(certified, grade=grade, reasons=(*certified.reasons, *against))


def scatter(values: Sequence[float], floor: float) -> float:
    """Population standard deviation over the mean, or over `floor` where the mean is smaller.

    >>> scatter([0.05, 0.05], 1e-3), round(scatter([0.08, 0.10], 1e-3), 3), scatter([0.0, 0.0], 1.0)
    (0.0, 0.111, 0.0)
    """
    return pstdev(values) / max(abs(fmean(values)), floor) if values else math.inf


def lane_budgets(runs: Sequence[RunFacts], plain: Mapping[str, Any], arrivals: int) -> list[BudgetFact]:
    """Each state on its slowest seed, the two slowest seeds as a witness, and all seeds as the certification lane."""
    facts = []
    for state, limits in plain["states"].items():
        took = [run.elapsed_s[state] for run in runs if state in run.elapsed_s]
        if took:
            ends = [scaled(limits[name], plain, arrivals) for name in ("target_s", "stretch_s")]
            facts.append(budget_fact(state, max(took), *ends))
    whole = sorted((sum(run.elapsed_s[s] for s in plain["states"] if s in run.elapsed_s) for run in runs), reverse=True)
    for lane, count in SEEDS_OF.items():
        used = whole[: count or len(whole)]
        facts += lane_budget(lane, used, plain, arrivals) if len(used) >= max(count, 1) else []
    return facts


def lane_budget(lane: str, seconds: Sequence[float], plain: Mapping[str, Any], arrivals: int) -> list[BudgetFact]:
    """What whole chains S1..S5 took, one after the other, against the budget of a lane; none where none is stated.

    Args:
        lane: `candidate`, `witness` or `certification`.
        seconds: of each chain.
        plain: runtime budgets, as plain data.
        arrivals: size of the world.
    """
    limits = plain.get("lanes_min", {}).get(lane)
    if not limits:
        return []
    states = len(plain["states"]) * len(seconds)
    ends = [scaled(60.0 * limits[name], plain, arrivals, states) for name in ("target", "stretch")]
    return [budget_fact(lane, sum(seconds), *ends)]


def over_target(budgets: Sequence[BudgetFact]) -> list[str]:
    """Budgets that are kept, but not within their target, in words."""
    return [
        f"{b.name} is {b.status}: {b.elapsed_s:.2f} s, target {b.target_s:.2f} s" for b in budgets if b.status != GREEN
    ]


def _line(boards: Mapping[str, GateBoard], name: str, test: str) -> dict[str, str]:
    """Status at B+ of one line of the statistics layer, by seed."""
    told = {
        seed: [str(x.bplus) for x in b.statistics if (x.name, x.test) == (name, test)] for seed, b in boards.items()
    }
    return {seed: found[0] if found else str(Status.INSUFFICIENT) for seed, found in told.items()}


def _blockers(runs: Mapping[int, SeedRun], seeds: Sequence[int], cv: Mapping[str, float], rule: CrossSeed) -> list[str]:
    missing = [str(seed) for seed in seeds if seed not in runs]
    found = [f"P5-B1 seed {', '.join(missing)} is missing"] if missing else []
    for seed, run in runs.items():
        if run.facts.seed != seed:
            found.append(f"P5-B2 run {run.facts.run_id[:8]} stands for seed {seed} and was made with {run.facts.seed}")
        failed = failed_checks(run.facts)
        if not checks_pass(run.facts):
            what = f"failed {', '.join(failed)}" if failed else "left no report"
            found.append(f"P5-B3 S5 of run {run.facts.run_id[:8]} (seed {seed}) {what}")
        elif run.facts.overall_status != PASS:
            found.append(f"P5-B3 S5 of run {run.facts.run_id[:8]} (seed {seed}) is {run.facts.overall_status}")
        found += [f"run {run.facts.run_id[:8]} (seed {seed}): {fault}" for fault in run.faults]
    wide = [f"{name} {value:.3f}" for name, value in cv.items() if value > rule.cv_max.b]
    return [*found, *([f"P5-B4 cross-seed variation above {rule.cv_max.b:g}: {', '.join(wide)}"] if wide else [])]


def _below(runs: Mapping[int, SeedRun], level: str, *, hard: bool) -> list[str]:
    return [
        f"{gate.gate_id} (seed {seed}{'' if state is Status.FAIL else ', too little data'})"
        for seed, run in runs.items()
        for gate in run.board.gates.values()
        if (state := getattr(gate, level)) is not Status.PASS and (gate.kind == HARD or not hard)
    ]


def _metric(runs: Mapping[int, SeedRun], name: str) -> list[float]:
    """A metric of the vector on every seed; one that a seed lacks makes its variation infinite."""
    gate, _, part = name.partition(".")
    gates = [run.board.gates[gate] for run in runs.values()]
    found = [g.detail.get(part) if part else g.value for g in gates]
    known = [float(value) for value in found if value is not None]
    return known if len(known) == len(found) else []
