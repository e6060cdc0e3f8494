"""From a list of jobs to a sweep: its control, its kind, the state it begins at; or the unfinished one it continues."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from seg6b.errors import UsageError
from seg6b.lane.differences import FIRST, LAST, differences, knobs_of_job, state_of_key
from seg6b.lane.inert import inert_reason
from seg6b.lane.lanes import as_overrides
from seg6b.lane.precedent import Precedent, newest_precedent, precedent_of
from seg6b.lane.unfinished import begun_or_new
from seg6b.runs.disk import to_json
from seg6b.runs.keys import code_digest
from seg6b.runs.machine import now_utc
from seg6b.runs.pins import Pin
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.sweep import CONTROL, OPTIMISATION, REMEDIATION, Arm, Sweep
from seg6b.settings.job import Job
from seg6b.world.sealed import SealedWorld

ROUNDS: Final = 5
CODE: Final = "seg6b.states.pipeline"

# Where and how a sweep is worked at, not what it is; each run is told its own by the bench.
_PASSING: Final = re.compile(
    r"(root|run_id|dry|arm|tracking|hydra|prune)([./].*)?|lane[.](restart|override|on_failure|retries)"
)

Compose = Callable[[Sequence[str]], Job]


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """One candidate as asked for.

    Attributes:
        overrides: its own.
        shared: those of all candidates.
        job: what both compose to.
    """

    overrides: tuple[str, ...]
    shared: tuple[str, ...]
    job: Job


@dataclass(frozen=True, slots=True)
class _Control:
    overrides: tuple[str, ...]
    job: Job
    measures: bool


def plan_sweep(
    jobs: Sequence[PlannedJob],
    authority: Pin | None,
    authority_receipt: RunReceipt | None,
    *,
    compose: Compose,
    world: SealedWorld | None,
) -> Sweep:
    """The sweep of `jobs` against a control: a new one, or the unfinished one of the same plan.

    The control has the authority's own knobs, where it has the same policy; else what all candidates share. Knobs that
    the closing rule names for it go before both. Nothing is written, unless a sweep is given up on demand.

    Args:
        jobs: the candidates, in the order asked for; of one world, seed, scenario and lane.
        authority: the pinned run of their place, verified.
        authority_receipt: its receipt.
        compose: turns overrides into a job.
        world: the world; None where it is not made yet, for a dry run.

    Raises:
        UsageError: candidates that cannot be compared, are there twice, or change policy in an optimisation lane.
        Conflict: the lane has an unfinished sweep with other candidates, or one of other code or another machine.
    """
    named = jobs[0].job.lane.closure.control
    control = _control(jobs[0].shared, named, authority, authority_receipt, compose)
    _require_comparable([*(j.job for j in jobs), control.job])
    _refuse_twins(jobs)
    kind = _kind(jobs, control.job)
    job = control.job
    precedent = _precedent(job, world, authority if control.measures else None)
    arms = _arms(jobs, control, precedent if kind == OPTIMISATION else None, world)
    compared = authority if control.measures or kind == REMEDIATION else None
    timed = kind == OPTIMISATION
    lane = jobs[0].job.lane
    sweep = Sweep(
        sweep_id="",
        lane=lane.id,
        kind=kind,
        owner=_owner(jobs, arms, control.job),
        overrides=_lasting(jobs[0].shared),
        arms=arms,
        repeats=(lane.repeats or min(ROUNDS, lane.max_repeats)) if timed else 1,
        max_repeats=max(lane.max_repeats, lane.repeats) if timed else 1,
        confirm=lane.confirm and timed,
        on_failure=lane.on_failure,
        retries=lane.retries,
        warm_up=lane.warm_up and timed,
        authority=compared.run_id if compared else "",
        authority_digest=compared.receipt_digest if compared else "",
        manifest_fingerprint=world.manifest_fingerprint if world else "",
        posture=job.posture,
        seed=job.seed,
        scenario_id=job.scenario_id,
        arrivals=world.arrivals if world else job.world.arrivals,
        closure={k: list(v) if isinstance(v, tuple) else v for k, v in asdict(lane.closure).items()},
        code=code_digest(CODE),
        ordinal=1,
        created_utc=now_utc(),
    )
    return begun_or_new(jobs[0].job, sweep)


def key_of(override: str) -> str:
    """The key of an override without Hydra's signs.

    >>> key_of("s4.batch_rows=5"), key_of("+lane=popt2r2"), key_of("~x")
    ('s4.batch_rows', 'lane', 'x')
    """
    return override.split("=", 1)[0].lstrip("+~")


def _control(
    shared: tuple[str, ...],
    named: Mapping[str, Any],
    authority: Pin | None,
    receipt: RunReceipt | None,
    compose: Compose,
) -> _Control:
    """The authority's own settings, if their policy is that of the candidates' base; else the base itself.

    What the lane names for its control holds in either case.
    """
    if authority is not None and receipt is not None:
        own = as_overrides({k: v for k, v in receipt.knobs.items() if not k.startswith("policy/")} | dict(named))
        job = compose((*shared, *own))
        if job.policy.parameter_hash == authority.parameter_hash:
            return _Control(own, job, measures=True)
    base = as_overrides(named)
    return _Control(base, compose((*shared, *base)), measures=False)


def _lasting(shared: Sequence[str]) -> tuple[str, ...]:
    """Overrides that belong to the plan."""
    return tuple(o for o in shared if not _PASSING.fullmatch(key_of(o)))


def _require_comparable(jobs: Sequence[Job]) -> None:
    places = {(j.world.name, j.world.arrivals, j.world.seed, j.world.source, j.seed, j.scenario_id) for j in jobs}
    if len(places) > 1:
        raise UsageError(
            "E_SWEEP_PLACES", "candidates of different worlds, seeds or scenarios cannot be compared", "sweep",
            "", "knobs or policies alone", "Sweep those alone: each is a run of its own, without a decision.",
        )  # fmt: skip


def _refuse_twins(jobs: Sequence[PlannedJob]) -> None:
    seen: dict[str, PlannedJob] = {}
    for planned in jobs:
        job = planned.job
        same = to_json({"knobs": knobs_of_job(job), "policy": job.policy.parameter_hash, "gates": job.gates})
        if same in seen:
            raise UsageError(
                "E_SWEEP_TWINS", "two candidates are the same run", "sweep",
                f"{_said(seen[same].overrides)} and {_said(planned.overrides)}", "candidates that differ",
                "Leave one of them out.",
            )  # fmt: skip
        seen[same] = planned


def _kind(jobs: Sequence[PlannedJob], control: Job) -> str:
    asked = jobs[0].job.lane.kind
    changed = next((j for j in jobs if j.job.policy.parameter_hash != control.policy.parameter_hash), None)
    if asked == OPTIMISATION and changed is not None:
        raise UsageError(
            "E_SWEEP_KIND", "an optimisation lane may not change policy", jobs[0].job.lane.id, _said(changed.overrides),
            "knobs alone", "Leave the candidate out, or make the lane a remediation: lane.kind=remediation.",
        )  # fmt: skip
    return asked if asked in {OPTIMISATION, REMEDIATION} else OPTIMISATION if changed is None else REMEDIATION


def _precedent(control: Job, world: SealedWorld | None, authority: Pin | None) -> Precedent | None:
    """The authority, else the newest finished run of the same rows."""
    if authority is not None:
        return precedent_of(control.root, authority.run_id)
    if world is None:
        return None
    wanted = (world.manifest_fingerprint, control.policy.parameter_hash, control.seed, control.scenario_id)
    return newest_precedent(
        control.root, lambda r: (r.manifest_fingerprint, r.parameter_hash, r.seed, r.scenario_id) == wanted
    )


def _arms(
    jobs: Sequence[PlannedJob], control: _Control, precedent: Precedent | None, world: SealedWorld | None
) -> tuple[Arm, ...]:
    made = [_arm(CONTROL, control.overrides, control.job)]
    made += [
        _arm(f"c{k:02d}", j.overrides, j.job, inert_reason(j.job, control.job, precedent, world))
        for k, j in enumerate(jobs, 1)
    ]
    equal = [not differences(j.job, control.job) for j in jobs]
    if any(equal) and not all(equal) and all(arm.inert or same for arm, same in zip(made[1:], equal, strict=True)):
        nothing = "equal to the control, and no other candidate can bind at this size"
        made[1:] = [replace(a, inert=nothing) if same else a for a, same in zip(made[1:], equal, strict=True)]
    return tuple(made)


def _arm(name: str, overrides: tuple[str, ...], job: Job, inert: str = "") -> Arm:
    knobs = knobs_of_job(job) | {f"policy/{pack}": variant for pack, variant in job.variants.items()}
    return Arm(name, overrides, knobs, job.policy.parameter_hash, inert)


def _owner(jobs: Sequence[PlannedJob], arms: Sequence[Arm], control: Job) -> str:
    """The first state in which a candidate that runs differs; where none differs, the first that was swept."""
    running = [j for j, arm in zip(jobs, arms[1:], strict=True) if not arm.inert] or list(jobs)
    states = [d.state for j in running for d in differences(j.job, control)]
    swept = [s for j in running for s in map(state_of_key, map(key_of, j.overrides)) if s]
    timed = jobs[0].job.lane.closure.state
    first = min(states or swept or [jobs[0].job.lane.owner or FIRST])
    return min(first, timed or LAST)


def _said(overrides: Sequence[str]) -> str:
    return " ".join(overrides) or "(no overrides)"
