"""A closure as Markdown: short, what a reviewer reads first."""

from __future__ import annotations

from collections.abc import Sequence

from seg6b.gates.result import Status
from seg6b.render.closure_words import (
    ArmRow,
    arm_row,
    control_named,
    fraction,
    headline,
    meaning,
    required_ratio,
    testbeds,
    timed_state,
)
from seg6b.render.gate_changes import GateChange, arrow, gate_changes
from seg6b.render.markdown import cell, section, table
from seg6b.render.wording import ABSENT, percent, seconds, signed
from seg6b.scoring.closure import Closure


def closure_markdown(closure: Closure, history: Sequence[str] = ()) -> str:
    """Decision and reasons, then arms, gates, drift, what it rests on, and the build plan's history."""
    parts = [
        f"# Segment 6B lane {cell(closure.lane)}: {closure.decision}",
        f"{_marker(closure)}{cell(headline(closure))}",
        meaning(closure.decision, closure.kind),
        cell(control_named(closure)),
        "\n".join(f"- {cell(reason)}" for reason in closure.reasons),
        *(f"> Override: {cell(override)}" for override in closure.overrides),
        "## Arms",
        _arms(closure),
        _arm_reasons(closure),
        *_parts(closure),
        *_moves(closure),
        *_gates(closure),
        "## What it rests on",
        _basis(closure),
        *section("History of the build plan", history),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _marker(closure: Closure) -> str:
    return f"**{cell(closure.marker)}**. " if closure.marker else ""


def _arms(closure: Closure) -> str:
    state = timed_state(closure)
    head = ["Arm", "Overrides", "Decision", "Ratio", "95 % interval", "Pairs", f"{state}, median", "Control"]
    head += ["Checks", "Budgets", "Drift"]
    rows = [[*_measured(row), *_judged(row)] for row in map(arm_row, closure.arms)]
    return table(head, rows)


def _measured(row: ArmRow) -> list[str]:
    named = [row.arm, ", ".join(row.overrides) or ABSENT, row.decision]
    return [*named, row.ratio, row.ci95, row.n, row.elapsed, row.control]


def _judged(row: ArmRow) -> list[str]:
    return [row.checks, ", ".join(said for said, _ in row.budgets) or ABSENT, "; ".join(row.drifts) or "none"]


def _arm_reasons(closure: Closure) -> str:
    return "\n".join(f"- **{cell(s.arm)}**: {cell('; '.join(s.reasons))}" for s in closure.arms if s.reasons)


def _parts(closure: Closure) -> list[str]:
    """Parts of the datasets that the closing rule counts, arm by arm."""
    rows = [
        [s.arm, c.dataset, f"{c.control:,}", f"{c.parts:,}", percent(c.fewer)] for s in closure.arms for c in s.parts
    ]
    return ["## Parts", table(["Arm", "Dataset", "Control", "Arm's parts", "Fewer"], rows)] if rows else []


def _moves(closure: Closure) -> list[str]:
    """Which gates each variant wins and loses, in one table."""
    scored = [score for score in closure.arms if score.gates]
    if not scored:
        return []
    rows = [[s.arm, ", ".join(s.overrides) or ABSENT, *_moved(gate_changes(s)), s.decision] for s in scored]
    head = ["Arm", "Overrides", "Lost at B", "Lost at B+", "Won at B", "Won at B+", "Decision"]
    return ["## What each variant moves", table(head, rows)]


def _moved(changes: Sequence[GateChange]) -> list[str]:
    """Gates lost at B, lost at B+, won at B, won at B+."""
    levels = ([(c.gate_id, *c.b) for c in changes], [(c.gate_id, *c.bplus) for c in changes])
    lost = [[g for g, was, now in level if was == Status.PASS != now] for level in levels]
    won = [[g for g, was, now in level if now == Status.PASS != was] for level in levels]
    return [", ".join(gates) or ABSENT for gates in (*lost, *won)]


def _gates(closure: Closure) -> list[str]:
    parts: list[str] = []
    for score in closure.arms:
        if score.gates:
            parts += [f"## Gates of {cell(score.arm)}, before and after", _gate_table(gate_changes(score))]
    return parts


def _gate_table(rows: Sequence[GateChange]) -> str:
    head = ["Gate", "Before", "After", "Change", "B", "B+"]
    return table(head, [[r.gate_id, r.before, r.after, r.change, arrow(r.b), arrow(r.bplus)] for r in rows])


def _basis(closure: Closure) -> str:
    base, required = closure.baseline, required_ratio(closure)
    facts = [
        ("sweep", f"`{cell(closure.sweep_id)}`"),
        ("kind, owner", f"{cell(closure.kind)}, {cell(closure.owner)}"),
        ("runs", f"{len(closure.runs):,}, the last of {cell(closure.generated_utc)}"),
        ("authority", f"`{cell(base.run_id)}`" if base else "none"),
        ("testbed", "; ".join(cell(bed) for bed in testbeds(closure)) or ABSENT),
    ]
    facts += [("required ratio", f"below {fraction(required)}")] if required else []
    target, stretch = (float(closure.targets.get(name) or 0.0) for name in ("target_s", "stretch_s"))
    facts += [("target at the authority's scale", f"{seconds(target)}, stretch {seconds(stretch)}")] if target else []
    moved = [
        (f"{s.arm}, {metric}", signed(delta)) for s in closure.arms for metric, delta in s.warn_deltas.items() if delta
    ]
    facts += [(f"warn metric {cell(name)}", f"{said} against the reference") for name, said in moved]
    return "\n".join(f"- {name}: {said}" for name, said in facts)
