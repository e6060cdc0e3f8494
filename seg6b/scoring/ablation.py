"""What each pack is for: gates that fall where it is switched back, and the state that answers for each fall.

A fall is explained where a state that owns the gate reads what was switched, or works on rows that the switch changed
before it. Any other fall is a finding: a gate that moves with something its owner never sees.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seg6b.datasets.tables import OUTPUTS
from seg6b.gates import behaviour
from seg6b.gates.damage import Damage
from seg6b.gates.evaluate import GATES
from seg6b.gates.result import gate_order
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import ArmScore, Closure, RunFacts
from seg6b.scoring.facts import failed_checks
from seg6b.scoring.realism import LEVELS, Changes, fallen

OWNERS: Final = {gate.gate_id: gate.owner for gate in (*GATES, *behaviour.GATES)}

_PACK: Final = re.compile(r"policy[/.](\w+)")
_GUARD: Final = re.compile(r"policy[.]\w+[.]guards[.]")

Readers = Callable[[str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Fall:
    """A gate that passed before and does not after.

    Attributes:
        gate_id: the gate.
        owner: states that own it.
        before: its value before.
        after: its value after.
        lost: levels at which it fell: `B`, `B+`.
        because: why its owner answers for it, in a clause; empty where no owner is reached.
    """

    gate_id: str
    owner: tuple[str, ...]
    before: float | None
    after: float | None
    lost: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Switch:
    """Something taken away, and what fell.

    Attributes:
        name: packs or keys that were switched back, or the damage.
        states: states that read them.
        changed: states whose rows are others than before, the first one first.
        falls: gates that fell, in the order of the board.
        validated: what S5 says of the run; empty where it was not asked.
        failed: why there is nothing to read; empty where there is.
    """

    name: str
    states: tuple[str, ...]
    changed: tuple[str, ...]
    falls: tuple[Fall, ...]
    validated: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Ablation:
    """An ablation lane, read.

    Attributes:
        sweep_id: what it rests on.
        run_id: the control, which nothing was taken from.
        seed: its seed.
        manifest_fingerprint: its world.
        due: gates that have to fall for some switch.
        switches: the arms.
        damages: the named damages of the control's evidence.
    """

    sweep_id: str
    run_id: str
    seed: int
    manifest_fingerprint: str
    due: tuple[str, ...]
    switches: tuple[Switch, ...]
    damages: tuple[Switch, ...]

    def falls(self) -> list[tuple[Switch, Fall]]:
        """Every fall with what made it, the switches first."""
        return [(switch, fall) for switch in (*self.switches, *self.damages) for fall in switch.falls]

    def unexplained(self) -> list[Fall]:
        """Falls that no owner answers for."""
        return [fall for _, fall in self.falls() if not fall.because]

    def standing(self) -> list[str]:
        """Gates that have to fall and did not."""
        felled = {fall.gate_id for _, fall in self.falls()}
        return [gate for gate in self.due if gate not in felled]


def read_ablation(closure: Closure, readers: Readers, damages: Sequence[tuple[Damage, Changes]]) -> Ablation:
    """The table of an ablation lane.

    Args:
        closure: of the lane; its rule names the gates that have to fall.
        readers: the states that read a pack.
        damages: named damages, and what each did to the gates of the control.
    """
    runs = {run.arm: run for run in closure.runs}
    control = runs[CONTROL]
    return Ablation(
        sweep_id=closure.sweep_id,
        run_id=control.run_id,
        seed=control.seed,
        manifest_fingerprint=control.manifest_fingerprint,
        due=tuple(sorted([*closure.targets.get("falls", ()), *(d.gate_id for d, _ in damages)], key=gate_order)),
        switches=tuple(_switch(score, control, runs.get(score.arm), readers) for score in closure.arms),
        damages=tuple(
            Switch(d.name, (d.state,), (d.state,), falls_of(moved, (d.state,), (d.state,))) for d, moved in damages
        ),
    )


def _switch(score: ArmScore, control: RunFacts, run: RunFacts | None, readers: Readers) -> Switch:
    switched = [o for o in score.overrides if not _GUARD.match(o)]
    packs = [found[1] for o in switched if (found := _PACK.match(o))]
    states = tuple(sorted({state for pack in packs for state in readers(pack)}))
    name = " + ".join(switch_name(o) for o in switched)
    if run is None or not score.gates:
        return Switch(name, states, (), (), failed="; ".join(score.reasons) or "it was not run")
    changed = states_changed(control, run)
    return Switch(name, states, changed, falls_of(score.gates, states, changed), _validated(run))


def _validated(run: RunFacts) -> str:
    failing = ", ".join(failed_checks(run))
    return f"{run.overall_status}: {failing}" if failing else run.overall_status


def switch_name(override: str) -> str:
    """An override without what every switch has in common.

    >>> switch_name("policy/amount=lean"), switch_name("policy/session=historical")
    ('amount', 'session=historical')
    >>> switch_name("policy.bank_view.amount.knots=[{at:0.1,factor:1.0}]")
    'bank_view.amount.knots'
    """
    key, _, value = override.partition("=")
    bare = re.sub("policy[/.]", "", key)
    return bare if "." in bare or value == "lean" else f"{bare}={value}"


def states_changed(before: RunFacts, after: RunFacts) -> tuple[str, ...]:
    """States whose rows differ between two runs."""
    return tuple(
        state
        for state, outputs in OUTPUTS.items()
        if any(before.digests.get(d.name) != after.digests.get(d.name) for d in outputs)
    )


def falls_of(
    changes: Mapping[str, Mapping[str, Any]], states: Sequence[str], changed: Sequence[str]
) -> tuple[Fall, ...]:
    """The gates that fell, each with the reason why its owner answers for it."""
    lost = {level: fallen(changes, level, changes) for level in LEVELS}
    return tuple(
        Fall(
            gate_id=gate,
            owner=OWNERS[gate],
            before=entry["reference"],
            after=entry["value"],
            lost=tuple(name for level, name in LEVELS.items() if gate in lost[level]),
            because=next(_answers(OWNERS[gate], states, changed), ""),
        )
        for gate, entry in sorted(changes.items(), key=lambda item: gate_order(item[0]))
        if any(gate in gates for gates in lost.values())
    )


def _answers(owner: Sequence[str], states: Sequence[str], changed: Sequence[str]) -> Iterator[str]:
    """Reasons why an owner answers, the nearest first."""
    for state in owner:
        if state in states:
            yield f"{state} reads it" + ("" if state in changed else ", though its rows stay")
    for state in owner:
        if changed and state > changed[0]:
            yield f"{state} works on rows that {changed[0]} changed"
