"""`ablation.md`: what each pack is for, by the gates that fall without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from seg6b.gates.result import gate_order
from seg6b.render.markdown import table
from seg6b.render.wording import ABSENT, number
from seg6b.runs.disk import write_text
from seg6b.scoring.ablation import OWNERS, Ablation, Fall, Switch

UNEXPLAINED: Final = "**unexplained**"

_SWITCHES: Final = ["Taken away", "Read by", "Rows that differ", "Gates that fall", "Their owners", "Why", "S5"]
_DAMAGES: Final = ["Damage", "Evidence of", "Gates that fall", "Their owners"]
_GATES: Final = ["Gate", "Owner", "Falls for", "Before", "After"]


def write_ablation(ablation: Ablation, path: Path) -> Path:
    """Write the tables; they appear whole or not at all."""
    write_text(path, ablation_markdown(ablation))
    return path


def ablation_markdown(ablation: Ablation) -> str:
    """The outcome in a sentence; then the switches, the named damages, and every gate with what fells it."""
    parts = [
        "# What each pack is for",
        _outcome(ablation),
        _basis(ablation),
        "## Packs switched back to lean",
        table(_SWITCHES, [_row(switch) for switch in ablation.switches]),
        "## Named damages",
        "The control's evidence, changed in one respect.",
        table(_DAMAGES, [_damage_row(damage) for damage in ablation.damages]),
        "## Every gate",
        table(_GATES, [row for gate in sorted(OWNERS, key=gate_order) for row in _gate_rows(ablation, gate)]),
    ]
    return "\n\n".join(parts) + "\n"


def _outcome(ablation: Ablation) -> str:
    standing, loose = ablation.standing(), len(ablation.unexplained())
    stand = f"**Nothing makes {', '.join(standing)} fall**" if standing else f"Each of {len(ablation.due)} gates falls"
    owned = f"**{loose} without an owner that explains it**" if loose else "each with an owner that explains it"
    return f"{stand}; {len(ablation.falls())} falls, {owned}."


def _basis(ablation: Ablation) -> str:
    place = f"seed {ablation.seed}, world `{ablation.manifest_fingerprint[:12]}`, sweep `{ablation.sweep_id[:8]}`"
    falls = "A gate falls where it passed and no longer does, at both levels unless one is named."
    return f"Run `{ablation.run_id}` with one thing after the other taken away; {place}. {falls}"


def _row(switch: Switch) -> list[str]:
    owners = _grouped(switch.falls, lambda fall: "/".join(fall.owner))
    reasons = _grouped(switch.falls, lambda fall: fall.because or UNEXPLAINED)
    states = [" ".join(switch.states), " ".join(switch.changed) or "none"]
    return [switch.name, *states, _lost(switch), owners, reasons, switch.validated or ABSENT]


def _damage_row(damage: Switch) -> list[str]:
    owners = _grouped(damage.falls, lambda fall: "/".join(fall.owner) + ("" if fall.because else f", {UNEXPLAINED}"))
    return [damage.name, " ".join(damage.states), _lost(damage), owners]


def _lost(switch: Switch) -> str:
    falls = [f.gate_id if len(f.lost) > 1 else f"{f.gate_id} at {f.lost[0]}" for f in switch.falls]
    return ", ".join(falls) or (f"not read: {switch.failed}" if switch.failed else "none")


def _grouped(falls: Sequence[Fall], said_of: Callable[[Fall], str]) -> str:
    """Gates of which the same is said, together."""
    groups: dict[str, list[str]] = {}
    for fall in falls:
        groups.setdefault(said_of(fall), []).append(fall.gate_id)
    return "; ".join(f"{', '.join(gates)}: {said}" for said, gates in groups.items()) or ABSENT


def _gate_rows(ablation: Ablation, gate: str) -> list[list[str]]:
    owner = "/".join(OWNERS[gate])
    felled = [(switch, fall) for switch, fall in ablation.falls() if fall.gate_id == gate]
    if not felled:
        return [[gate, owner, "nothing", ABSENT, ABSENT]]
    return [[gate, owner, switch.name, number(fall.before), number(fall.after)] for switch, fall in felled]
