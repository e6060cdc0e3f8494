"""Ablations made by hand: a control, and arms that say which gates they lost."""

from __future__ import annotations

from seg6b.gates.damage import DAMAGES
from seg6b.lane.ablation import readers
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.ablation import read_ablation
from seg6b.scoring.closure import Decision
from tests.render.closures import arm, closure, facts, gate

SAME = {"s1_arrival_entities_6B": "1", "s2_flow_anchor_baseline_6B": "1", "s4_case_flows_6B": "1"}


def entry(before, after):
    """A gate at both levels."""
    return gate(0.9, 0.1, (before, after), (before, after))


def gates_of(**statuses):
    return {name: {"value": 0.5, "b": status, "bplus": status, "class": "hard"} for name, status in statuses.items()}


def ran(name, overrides, gates, changed=("s4_case_flows_6B",), reasons=()):
    """An arm and its run; an arm without gates did not end."""
    score = arm(name, Decision.REJECT, overrides=overrides, gates=gates, reasons=reasons)
    return score, facts(name, 5.4, digests=SAME | dict.fromkeys(changed, "2"))


def table_of(*arms, falls=(), damages=None):
    """The table of hand-made arms; without `damages` every damage moves nothing."""
    control = facts(CONTROL, 5.4, digests=SAME)
    made = closure(
        lane="ABLATION", kind="remediation", decision=Decision.HOLD, arms=tuple(score for score, _ in arms),
        runs=(control, *(run for score, run in arms if score.gates)), targets={"scorer": "realism", "falls": list(falls)},
    )  # fmt: skip
    moved = [(d, (damages or {}).get(d.gate_id, {})) for d in DAMAGES]
    return read_ablation(made, readers, moved)
