"""In what an arm differs from the control, and the first state that meets each difference."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from seg6b.policy.packs import PACKS
from seg6b.settings.job import Job
from seg6b.settings.knobs import knobs_of
from seg6b.states.gate_task import gate_file_hash
from seg6b.states.pipeline import ROW_STATES, STATES

THREADS: Final = "executor.threads"
FIRST: Final = STATES[1]
LAST: Final = STATES[-1]

_STATE: Final = re.compile(r"s([1-5])([.]\w+)?")
_PACK: Final = re.compile(r"policy[/.](\w+).*")


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that an arm has otherwise than the control.

    Attributes:
        key: as it is written: `s4.batch_rows`, `executor.threads`, `policy/amount`, `gates`.
        state: the first state that it can make any difference to.
        control: value of the control; empty for packs and gates.
        arm: value of the arm.
    """

    key: str
    state: str
    control: Any = ""
    arm: Any = ""


def differences(arm: Job, control: Job) -> tuple[Difference, ...]:
    """Every setting that differs, in the order of states."""
    mine, theirs = knobs_of_job(arm), knobs_of_job(control)
    found = [Difference(k, state_of_key(k), theirs[k], mine[k]) for k in mine if mine[k] != theirs[k]]
    packs = [p for p in PACKS if arm.policy.pack_hash(p) != control.policy.pack_hash(p)]
    found += [Difference(f"policy/{p}", state_of_key(f"policy/{p}")) for p in packs]
    if gate_file_hash(arm.gates) != gate_file_hash(control.gates):
        found.append(Difference("gates", LAST))
    return tuple(sorted(found, key=lambda d: (d.state, d.key)))


def knobs_of_job(job: Job) -> dict[str, Any]:
    """Knobs of all states, and threads."""
    knobs = {f"{s.lower()}.{k}": v for s, held in job.knobs.items() for k, v in knobs_of(s, held).items()}
    return knobs | {THREADS: job.threads}


def state_of_key(key: str) -> str:
    """The first state that a setting can make any difference to; empty for settings that reach no state.

    >>> state_of_key("s4.batch_rows"), state_of_key("policy/amount"), state_of_key("policy.rng.x"), state_of_key("root")
    ('S4', 'S2', 'S5', '')
    """
    if state := _STATE.fullmatch(key):
        return f"S{state[1]}"
    if pack := _PACK.fullmatch(key):
        return next((s.name for s in ROW_STATES if pack[1] in s.packs), LAST)
    group = re.split("[./]", key)[0]
    return {"executor": FIRST, "posture": FIRST, "gates": LAST}.get(group, "")
