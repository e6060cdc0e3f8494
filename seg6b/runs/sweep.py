"""A sweep as an object: its arms, its schedule and what became of each slot, as records."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

CONTROL: Final = "control"
OPTIMISATION: Final = "optimisation"
REMEDIATION: Final = "remediation"


class SlotStatus(StrEnum):
    """What became of one run of a sweep."""

    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant of a sweep.

    Attributes:
        name: `control`, or `c01`, `c02`, … in the order asked for.
        overrides: Hydra overrides of this arm, beside those that all arms share.
        knobs: its knobs and policy variants, as in a run receipt.
        parameter_hash: hash of its policy.
        inert: why it is not timed; empty where it is.
    """

    name: str
    overrides: tuple[str, ...]
    knobs: dict[str, Any]
    parameter_hash: str
    inert: str = ""


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is to be run; immutable once written.

    Attributes:
        sweep_id: 32 lower hex over everything below except times; equal plans have equal ids.
        lane: lane id.
        kind: `optimisation` (rows must not change) or `remediation` (policy changes).
        owner: the first state in which any arm differs from the control (or the swept one): all arms run from it on.
        overrides: Hydra overrides that all arms share.
        arms: the control first.
        repeats: rounds of one set at first.
        max_repeats: rounds of one set at most.
        confirm: whether a provisional winner gets a second set.
        on_failure: `continue`, `stop` or `retry`.
        retries: how often a failed slot is tried again under `retry`.
        warm_up: whether one run of the control goes first and is not timed.
        authority: run id of the authority it is compared with; empty without one.
        authority_digest: digest of that run's receipt.
        manifest_fingerprint: world.
        posture: posture of the base.
        seed: run seed.
        scenario_id: scenario.
        arrivals: size of the world.
        closure: the lane's closing rule, as plain data (`settings.job.ClosureRule`).
        code: digest of the code that runs; timings of other code are not continued.
        ordinal: 1 for the first sweep of this plan, 2 for the next, …
        created_utc: RFC 3339.
    """

    sweep_id: str
    lane: str
    kind: str
    owner: str
    overrides: tuple[str, ...]
    arms: tuple[Arm, ...]
    repeats: int
    max_repeats: int
    confirm: bool
    on_failure: str
    retries: int
    warm_up: bool
    authority: str
    authority_digest: str
    manifest_fingerprint: str
    posture: str
    seed: int
    scenario_id: str
    arrivals: int
    closure: dict[str, Any]
    code: str
    ordinal: int
    created_utc: str

    def arm(self, name: str) -> Arm:
        """The arm called `name`."""
        return next(a for a in self.arms if a.name == name)

    @property
    def control(self) -> Arm:
        """The arm that all others are compared with."""
        return self.arms[0]


@dataclass(frozen=True, slots=True)
class Slot:
    """One run of a sweep, before it happens; a pure function of the sweep.

    Attributes:
        set_index: 1, or 2 for the confirming set.
        round_index: 1, 2, …; 0 is the warm-up.
        position: place in its round, from 0.
        arm: name of the arm.
        run_id: given beforehand, so that whoever continues finds the run again.
    """

    set_index: int
    round_index: int
    position: int
    arm: str
    run_id: str

    @property
    def name(self) -> str:
        """`s1-r03-p0-c01`: sorts as it runs."""
        return f"s{self.set_index}-r{self.round_index:02d}-p{self.position}-{self.arm}"


@dataclass(frozen=True, slots=True)
class SlotReceipt:
    """What became of a slot.

    Attributes:
        slot: which.
        status: `RUNNING`, `DONE` or `FAILED`.
        attempt: 1, or more after retries.
        exit_code: of its process; -1 while it runs.
        error: the refusal line of a failed run.
        started_utc: RFC 3339.
        ended_utc: RFC 3339, empty while it runs.
        load: one-minute load average when it started.
        pid: of its process.
    """

    slot: Slot
    status: SlotStatus
    attempt: int = 1
    exit_code: int = -1
    error: str = ""
    started_utc: str = ""
    ended_utc: str = ""
    load: float = 0.0
    pid: int = 0


@dataclass(frozen=True, slots=True)
class SweepState:
    """A sweep and its slots as they stand on disk."""

    sweep: Sweep
    slots: tuple[SlotReceipt, ...] = field(default=())

    def done(self, arm: str = "") -> tuple[SlotReceipt, ...]:
        """Finished slots, of one arm or of all, in schedule order."""
        return tuple(s for s in self.slots if s.status is SlotStatus.DONE and arm in {"", s.slot.arm})
