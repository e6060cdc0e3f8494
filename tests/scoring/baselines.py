"""A baseline made by hand: round numbers, so that every figure of its files can be checked in the head."""

from __future__ import annotations

from dataclasses import replace

from seg6b.runs.receipt import DatasetReceipt, PartReceipt, RunReceipt, StateReceipt
from seg6b.scoring.baseline import RuntimeBaseline
from seg6b.scoring.budget_pin import budget_pin
from seg6b.scoring.closure import Decision
from seg6b.scoring.hotspots import hotspot_map
from seg6b.scoring.part_shape import part_shapes
from tests.scoring.sweeps import facts

MIB = 2**20
RUN = "0f" * 16
ELAPSED = {"S0": 1.0, "S1": 50.0, "S2": 10.0, "S3": 10.0, "S4": 25.0, "S5": 5.0}
LANES = {
    "S0": {"input": 0.0, "compute": 0.0, "validate": 1.0, "write": 0.0, "residual": 0.0},
    "S1": {"input": 5.0, "compute": 35.0, "validate": 0.0, "write": 9.0, "residual": 1.0},
    "S2": {"input": 1.0, "compute": 4.0, "validate": 2.0, "write": 2.0, "residual": 1.0},
    "S3": {"input": 1.0, "compute": 4.0, "validate": 2.0, "write": 3.0, "residual": 0.0},
    "S4": {"input": 3.0, "compute": 12.0, "validate": 3.0, "write": 7.0, "residual": 0.0},
    "S5": {"input": 1.0, "compute": 1.0, "validate": 3.0, "write": 0.0, "residual": 0.0},
}
BUDGETS = {
    "arrivals": 1_000_000,
    "floor_s": 1.0,
    "states": {
        "S1": {"target_s": 30.0, "stretch_s": 40.0},
        "S2": {"target_s": 12.0, "stretch_s": 15.0},
        "S3": {"target_s": 8.0, "stretch_s": 12.0},
        "S4": {"target_s": 20.0, "stretch_s": 25.0},
        "S5": {"target_s": 5.0, "stretch_s": 6.0},
    },
    "lanes_min": {"candidate": {"target": 1.25, "stretch": 1.5}},
    "ladder": [
        {"lane": "POPT.3", "state": "S3", "min_reduction": 0.0},
        {"lane": "POPT.2", "state": "S4", "min_reduction": 0.2},
        {"lane": "POPT.1", "state": "S1", "min_reduction": 0.1},
    ],
}
SIZES = {
    "s3_event_stream_with_fraud_6B": ("S3", [(10, 4 * MIB), (20, 9 * MIB), (40, 12 * MIB)]),
    "s4_event_labels_6B": ("S4", [(10, 1 * MIB), (30, 15 * MIB)]),
    "s4_flow_truth_labels_6B": ("S4", [(5, 1 * MIB), (5, 1 * MIB)]),
    "s4_case_flows_6B": ("S4", [(1, 1000)]),
}


def state_receipts(sizes=SIZES):
    """Receipts that hold what `sizes` says: dataset → state and (rows, bytes) of each part."""
    found = {}
    for name, (state, parts) in sizes.items():
        listed = tuple(PartReceipt(f"part-{k}", rows, size, "", (0, 63)) for k, (rows, size) in enumerate(parts))
        dataset = DatasetReceipt(name, sum(p.rows for p in listed), sum(p.bytes for p in listed), "", listed)
        found.setdefault(state, {})[name] = dataset
    return {
        state: StateReceipt(state, "", {}, {}, "", "", {}, {}, 1.0, 1, datasets, (), {})
        for state, datasets in found.items()
    }


def run_facts(**changed):
    made = facts(
        "authority",
        0,
        0,
        run_id=RUN,
        elapsed_s=ELAPSED,
        cpu_s=ELAPSED,
        executed=tuple(ELAPSED),
        lanes_s=LANES,
        lanes_cpu_s=LANES,
    )
    return replace(made, **changed)


def receipt(**changed):
    made = RunReceipt(
        RUN, "POPT.0", "candidate", 42, "baseline_v1", "f" * 64, "a" * 64, {}, "bplus",
        {"name": "tiny", "arrivals": 1_000_000}, {"executor.threads": 2}, {}, "c0ffee", {}, {"cores": 8},
        "2026-01-02T03:04:05.000000Z", "2026-01-02T03:06:05.000000Z", tuple(ELAPSED), "DONE", digest="d" * 64,
    )  # fmt: skip
    return replace(made, **changed)


def baseline(**changed):
    found = run_facts()
    made = RuntimeBaseline(
        "POPT.0", Decision.KEEP, "GO_POPT.1", ("hotspots S1, S4, S2, S3, S5",), receipt(), found,
        hotspot_map(found, 2), part_shapes(state_receipts()), budget_pin(found, BUDGETS, 1_000_000),
    )  # fmt: skip
    return replace(made, **changed)
