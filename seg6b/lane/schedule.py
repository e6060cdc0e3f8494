"""The order of a sweep's runs: a pure function of the sweep, so that whoever continues it finds every slot again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

from seg6b.runs.sweep import CONTROL, Arm, Slot, Sweep

FIRST_SET: Final = 1
WARM_UP: Final = 0


def first_slots(sweep: Sweep) -> tuple[Slot, ...]:
    """What every sweep runs: the warm-up, where it has one, and the rounds of its first set.

    Nothing where no arm is to be run beside the control.
    """
    arms = timed_arms(sweep)
    if len(arms) < 2:
        return ()
    names = [arm.name for arm in arms]
    warm_up = (_slot(sweep, FIRST_SET, WARM_UP, 0, CONTROL),) if sweep.warm_up else ()
    timed = [slot for r in range(1, sweep.repeats + 1) for slot in rounds(sweep, FIRST_SET, r, names)]
    return (*warm_up, *timed)


def rounds(sweep: Sweep, set_index: int, round_index: int, arms: Collection[str]) -> tuple[Slot, ...]:
    """One round of `arms`, in order.

    Odd rounds are drawn from the sweep's id, even ones reverse the round before: any two arms take turns at going
    first. An arm keeps its place and its run id whichever other arms still run.

    Args:
        sweep: the sweep.
        set_index: 1, or 2 for the confirming set.
        round_index: 1, 2, …
        arms: names of the arms that run.
    """
    drawn = round_index - 1 + round_index % 2
    order = sorted(
        (arm.name for arm in timed_arms(sweep)), key=lambda name: _hash(sweep, set_index, drawn, name, "order")
    )
    if round_index % 2 == 0:
        order.reverse()
    return tuple(_slot(sweep, set_index, round_index, k, name) for k, name in enumerate(order) if name in arms)


def timed_arms(sweep: Sweep) -> tuple[Arm, ...]:
    """The control and every arm that is not inert."""
    return tuple(arm for arm in sweep.arms if arm.name == CONTROL or not arm.inert)


def _slot(sweep: Sweep, set_index: int, round_index: int, position: int, arm: str) -> Slot:
    return Slot(set_index, round_index, position, arm, _hash(sweep, set_index, round_index, arm, "run")[:32])


def _hash(sweep: Sweep, set_index: int, round_index: int, arm: str, purpose: str) -> str:
    text = f"{sweep.sweep_id}:{set_index}:{round_index}:{arm}:{purpose}"
    return hashlib.sha256(text.encode()).hexdigest()
