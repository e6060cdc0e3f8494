"""Closure records: what a scorer found out and decided, ready to be written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from seg6b.scoring.replay import ReplayWitness


class Decision(StrEnum):
    """What becomes of an arm, or of a lane."""

    KEEP = "KEEP"
    KEEP_PROVISIONAL = "KEEP_PROVISIONAL"
    HOLD = "HOLD"
    INSUFFICIENT = "INSUFFICIENT"
    INERT = "INERT"
    REJECT = "REJECT"
    REJECT_SEMANTIC_DRIFT = "REJECT_SEMANTIC_DRIFT"


REJECTED: Final = (Decision.REJECT, Decision.REJECT_SEMANTIC_DRIFT)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One run as a scorer sees it: receipts and the S5 report, nothing else.

    Attributes:
        run_id: the run.
        arm: its arm; `authority` for the pinned run.
        set_index: which set of repeats.
        round_index: which round.
        seed: run seed.
        manifest_fingerprint: world.
        parameter_hash: policy.
        knobs: as in the run receipt.
        testbed: identity of machine and of the library versions; times of two testbeds are never compared.
        elapsed_s: wall seconds by state.
        cpu_s: CPU seconds by state.
        executed: states that this run executed itself.
        rows: rows by dataset.
        parts: parts by dataset.
        digests: content digests by dataset.
        required: results of S5's required checks, by check id.
        warn_metrics: values of S5's warn metrics, by check id.
        overall_status: S5's overall status; empty where its report is gone.
        verdict: of the gateboard.
        contract: version of the datasets' contract.
        lanes_s: wall seconds of `input`, `compute`, `validate`, `write` and `residual` by state, which together are its
            elapsed time; empty for a state whose receipt does not have them.
        lanes_cpu_s: CPU seconds likewise.
        gates: value with its interval, status and margin at `b` and `bplus`, and class, by gate id.
    """

    run_id: str
    arm: str
    set_index: int
    round_index: int
    seed: int
    manifest_fingerprint: str
    parameter_hash: str
    knobs: dict[str, Any]
    testbed: str
    elapsed_s: dict[str, float]
    cpu_s: dict[str, float]
    executed: tuple[str, ...]
    rows: dict[str, int]
    parts: dict[str, int]
    digests: dict[str, str]
    required: dict[str, str]
    warn_metrics: dict[str, float]
    overall_status: str
    verdict: str
    contract: str = ""
    lanes_s: dict[str, dict[str, float]] = field(default_factory=dict)
    lanes_cpu_s: dict[str, dict[str, float]] = field(default_factory=dict)
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time of an arm over that of the control, from paired runs.

    Attributes:
        median: of the paired ratios.
        mean: exp of the mean log ratio.
        ci95: t-interval of the mean, back from the logarithm.
        bootstrap95: percentile bootstrap beside it.
        bounds: the interval that decides, at the level that repeated looks ask for.
        n: pairs.
        spread: standard deviation of the log ratios.
        reason: why it does not settle (`spread`, `drift`, `two modes`), empty where it does.
        more: further pairs that would settle it at this spread; 0 where it is settled, -1 where none would.
    """

    median: float
    mean: float
    ci95: tuple[float, float]
    bootstrap95: tuple[float, float]
    bounds: tuple[float, float]
    n: int
    spread: float
    reason: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class Drift:
    """A dataset whose rows are not those of the reference.

    Attributes:
        dataset: its name.
        rows: found.
        expected_rows: of the reference.
        columns: columns whose digests differ; empty where they could not be compared.
    """

    dataset: str
    rows: int
    expected_rows: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartCount:
    """Parts of a dataset, where the closing rule counts them.

    Attributes:
        dataset: its name.
        parts: of the arm, the most of its runs.
        control: of the control, the fewest of its runs.
    """

    dataset: str
    parts: int
    control: int

    @property
    def fewer(self) -> float:
        """Share of the control's parts that is gone; negative where there are more."""
        return 1.0 - self.parts / self.control if self.control else 0.0


@dataclass(frozen=True, slots=True)
class BudgetFact:
    """A runtime budget and what was measured against it, seconds.

    Attributes:
        name: `S4`, or a lane such as `candidate`.
        elapsed_s: measured (median over the arm's runs).
        target_s: scaled to the world.
        stretch_s: scaled to the world.
        status: `GREEN`, `AMBER` (within stretch) or `RED`.
    """

    name: str
    elapsed_s: float
    target_s: float
    stretch_s: float
    status: str


@dataclass(frozen=True, slots=True)
class ArmScore:
    """One arm, judged.

    Attributes:
        arm: its name.
        overrides: what makes it.
        decision: by rule.
        reasons: why, in words; the first one leads.
        run_id: the run that stands for it; empty where none was made.
        set_ratios: ratio of the owner state for each set.
        ratio: pooled over sets; None where no pair was made.
        lane_ratio: the same for all states it executed together.
        elapsed_s: owner state's seconds of each repeat.
        control_s: the control's, pair by pair.
        drifts: datasets that differ from the reference.
        checks_pass: whether all required checks of all its runs passed.
        warn_deltas: warn metrics minus the reference's.
        parity_stable: whether row counts equal the reference's.
        budgets: runtime budgets.
        failed_runs: runs that did not end.
        parts: parts of the datasets that the closing rule counts; empty where it counts none.
        gates: for policy variants: gate id → (reference value, value, status at B before, after).
    """

    arm: str
    overrides: tuple[str, ...]
    decision: Decision
    reasons: tuple[str, ...]
    run_id: str = ""
    set_ratios: tuple[Ratio, ...] = ()
    ratio: Ratio | None = None
    lane_ratio: Ratio | None = None
    elapsed_s: tuple[float, ...] = ()
    control_s: tuple[float, ...] = ()
    drifts: tuple[Drift, ...] = ()
    checks_pass: bool = True
    warn_deltas: dict[str, float] = field(default_factory=dict)
    parity_stable: bool = True
    budgets: tuple[BudgetFact, ...] = ()
    failed_runs: int = 0
    parts: tuple[PartCount, ...] = ()
    gates: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Closure:
    """A lane, judged.

    Attributes:
        lane: lane id.
        sweep_id: what it rests on.
        kind: `optimisation` or `remediation`.
        owner: swept state.
        decision: of the best arm, or HOLD.
        best: name of that arm; empty without a winner.
        marker: `UNLOCK_…` or `HOLD_…`; empty outside the build plan's lanes.
        reasons: why, in words.
        arms: every arm but the control.
        runs: facts of all runs that were used.
        baseline: facts of the authority; None without one.
        targets: the closing rule.
        overrides: overrides of the phase law that the lane ran under, with their reasons.
        generated_utc: RFC 3339; the time of the last run, so that scoring again gives the same file.
        witness: what the replay of the best arm said; None where none was asked for.
    """

    lane: str
    sweep_id: str
    kind: str
    owner: str
    decision: Decision
    best: str
    marker: str
    reasons: tuple[str, ...]
    arms: tuple[ArmScore, ...]
    runs: tuple[RunFacts, ...]
    baseline: RunFacts | None
    targets: dict[str, Any]
    overrides: tuple[str, ...]
    generated_utc: str
    witness: ReplayWitness | None = None
