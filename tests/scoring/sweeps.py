"""Sweeps made of numbers: facts of runs that nobody ran, and slots as a bench would leave them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import special

from seg6b.draws.uniform import Draws
from seg6b.runs.sweep import CONTROL, Arm, Slot, SlotReceipt, SlotStatus, Sweep
from seg6b.scoring.closing import close
from seg6b.scoring.closure import RunFacts
from seg6b.scoring.dossier import Dossier
from seg6b.scoring.drift import differing
from seg6b.scoring.score import next_rounds

WORLD, PARAMETERS = "f" * 64, "a" * 64
BUDGETS = {
    "arrivals": 1_000_000,
    "floor_s": 1.0,
    "states": {"S4": {"target_s": 200.0, "stretch_s": 250.0}, "S5": {"target_s": 20.0, "stretch_s": 25.0}},
    "lanes_min": {"candidate": {"target": 4.0, "stretch": 5.0}},
}
ROWS = {"s4_flow_truth_labels_6B": 1000, "s4_case_flows_6B": 50}
GATES = {f"T{k}": {"value": 0.5, "b": "PASS", "bplus": "PASS", "class": "hard"} for k in range(1, 5)}


def run_id(*parts):
    return "".join(f"{ord(c) % 16:x}" for c in ":".join(map(str, parts))).ljust(32, "0")[:32]


def facts(arm="c01", set_index=1, round_index=1, s4=100.0, s5=10.0, **changed):
    digests = {name: f"{rows}:00" for name, rows in ROWS.items()}
    made = RunFacts(
        run_id(arm, set_index, round_index), arm, set_index, round_index, 42, WORLD, PARAMETERS, {"s4.batch_rows": 1},
        "one machine", {"S3": 30.0, "S4": s4, "S5": s5}, {"S3": 3.0, "S4": s4, "S5": s5}, ("S4", "S5"), dict(ROWS),
        dict.fromkeys(ROWS, 2), digests, {"REQ_A": "PASS", "REQ_B": "PASS"}, {"WARN_A.share": 0.5}, "PASS", "PASS_B",
        contract="6B.v2", gates=GATES,
        lanes_s={"S4": {"input": 1.0, "compute": s4 - 4.0, "validate": 0.0, "write": 2.0, "residual": 1.0}},
    )  # fmt: skip
    return replace(made, **changed)


def sweep(arms=("c01",), **changed):
    control = Arm(CONTROL, (), {}, PARAMETERS)
    others = tuple(Arm(name, (f"s4.batch_rows={k}",), {}, PARAMETERS) for k, name in enumerate(arms))
    made = Sweep(
        "5" * 32, "POPT.2R2", "optimisation", "S4", (), (control, *others), 5, 12, confirm=True, on_failure="continue",
        retries=0, warm_up=True, authority=run_id("authority"), authority_digest="", manifest_fingerprint=WORLD,
        posture="bplus", seed=42, scenario_id="baseline_v1", arrivals=1_000_000, closure={}, code="", ordinal=1,
        created_utc="2026-01-01T00:00:00.000000Z",
    )  # fmt: skip
    return replace(made, **changed)


def slot_of(run, status=SlotStatus.DONE, error=""):
    slot = Slot(run.set_index, run.round_index, 0, run.arm, run.run_id)
    return SlotReceipt(slot, status, ended_utc=f"2026-01-0{run.set_index}T00:{run.round_index:02d}:00Z", error=error)


def dossier(plan, runs, failed=(), baseline=None, drifts=lambda _, run, reference: differing(run, reference)):
    slots = [slot_of(run) for run in runs] + [slot_of(run, SlotStatus.FAILED, "E_S4_DISK: full.") for run in failed]
    known = {slot_of(run).slot.name: run for run in runs}
    base = baseline or replace(facts("authority", 0, 0, 104.0), run_id=plan.authority)
    return Dossier(plan, tuple(slots), known, base if plan.authority else None, BUDGETS, drifts)


def closed(plan, runs, overrides=(), **more):
    return close(dossier(plan, runs, **more), overrides)


def rounds(arm, ratios, set_index=1, control=100.0, **changed):
    """Pairs of runs: an arm beside a control of even speed."""
    pairs = [
        (facts(CONTROL, set_index, k, control), facts(arm, set_index, k, control * ratio, **changed))
        for k, ratio in enumerate(ratios, 1)
    ]
    return [run for pair in pairs for run in pair]


class Noise:
    """Standard noise of any run of any sweep: normal, or Student's with three degrees of freedom."""

    def __init__(self, count, kind="normal"):
        u = Draws(WORLD, 7, "noise").uniform("noise", kind, np.arange(count, dtype=np.uint64) << np.uint64(20))
        self.values = special.ndtri(u) if kind == "normal" else special.stdtrit(3, u) / np.sqrt(3.0)
        self.next = 0

    def __call__(self):
        self.next += 1
        return float(self.values[self.next - 1])


def played(plan, effect, noise, spread, drift=0.0):
    """A sweep run to its end by the rule: what is asked for is run, each time `effect * exp(spread * noise)`."""
    runs, clock = [], 0
    while True:
        closure = closed(plan, runs)
        wanted = next_rounds(plan, [slot_of(run) for run in runs], closure)
        if not wanted:
            return closure
        arm, (set_index, until) = next(iter(wanted.items()))
        begun = sum(run.arm == arm and run.set_index == set_index for run in runs)
        for k in range(begun + 1, until + 1):
            clock += 1
            speed = 100.0 * np.exp(drift * clock)
            runs.append(facts(CONTROL, set_index, k, speed * np.exp(spread * noise())))
            runs.append(facts(arm, set_index, k, speed * effect * np.exp(spread * noise())))
