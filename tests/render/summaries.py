"""The ladder of POPT as a walk would leave it, made of formulas: no run, no timing."""

from seg6b.render.popt_data import ArmLine, Cost, Gain, Hotspot, LaneLine, StateLine, Summary, Worth
from tests.render.closures import ratio

PLAN_ARRIVALS = 100_000_000
STATES = ("S1", "S2", "S3", "S4", "S5")


def arm_line(name="c01", share=0.6, decision="KEEP", **changes):
    record = {
        "name": name, "overrides": ("s4.event_labels=fused",), "decision": decision, "reasons": (f"{name} says why",),
        "cost": Cost(5.0 * share, 800.0, 12), "ratio": ratio([share * f for f in (0.98, 1.0, 1.02)]),
    }  # fmt: skip
    return ArmLine(**{**record, **changes})


def lane_line(lane="POPT.2U", **changes):
    record = {
        "lane": lane, "file": lane.lower().replace(".", ""), "kind": "optimisation", "owner": "S4", "goal": f"what {lane} was to reach",
        "requires": ("UNLOCK_POPT.2_CONTINUE",), "history": ("f621ee01: S4 570.62 s", "97b2b72f: S4 403.78 s, S5 9 s", "decision HOLD_POPT.2_REOPEN"),
        "state": "S4", "decision": "KEEP", "marker": "UNLOCK_POPT.3_CONTINUE", "best": "c01", "reasons": ("c01 is faster",), "overrides": (),
        "strategies": ("s4.event_labels=recompute", "s4.columns=all"), "control": Cost(5.0, 900.0, 40),
        "arms": (arm_line(), arm_line("c02", 1.3, "REJECT"), arm_line("c03", 1.01, "INSUFFICIENT")),
    }  # fmt: skip
    return LaneLine(**{**record, **changes})


def baseline(**changes):
    record = {
        "kind": "baseline", "owner": "", "state": "", "requires": (), "decision": "KEEP", "marker": "GO_POPT.1", "best": "", "arms": (),
        "history": ("authority: S1 1,333.75 s, S2 142.45 s, S4 563.20 s", "decision GO_POPT.1"), "control": Cost(15.0, 1000.0, 44),
    }  # fmt: skip
    return lane_line("POPT.0", **{**record, **changes})


def not_run(lane, **changes):
    record = {"decision": "", "marker": "", "best": "", "reasons": (), "strategies": (), "control": None, "arms": ()}
    return lane_line(lane, **{**record, **changes})


def hotspot(state, elapsed_s, residual=0.1):
    lanes = {"compute": 0.6 * (1.0 - residual), "input": 0.3 * (1.0 - residual), "write": 0.1 * (1.0 - residual)}
    return Hotspot(state, elapsed_s, lanes, residual)


def summary(*lanes, **changes):
    """A ladder that is walked to a HOLD, unless other lanes are given."""
    record = {
        "world": "default", "arrivals": 500_000, "seed": 42, "testbed": "Xeon, 2 cores", "run_id": "0f" * 16, "plan_arrivals": PLAN_ARRIVALS,
        "lanes": lanes or (
            baseline(), lane_line("POPT.1", owner="S1", state="S1", marker="UNLOCK_POPT.2_CONTINUE"),
            lane_line("POPT.2R", decision="HOLD", marker="HOLD_POPT.2_REOPEN", best="", overrides=("UNLOCK_POPT.2_CONTINUE is missing; overridden: rehearsal",)),
            lane_line(), not_run("POPT.3", requires=("UNLOCK_POPT.3_CONTINUE",)),
        ),
        "states": tuple(StateLine(s, Cost(5.0 - k, 1000.0 - k, 10 + k), 2**20, 2.0, "RED" if k < 2 else "GREEN") for k, s in enumerate(STATES)),
        "hotspots": tuple(hotspot(s, 5.0 - k) for k, s in enumerate(STATES)),
        "worth": (
            Worth("s4.event_labels", "S4", "recompute", "fused", Gain(0.6, (0.5, 0.7), 3, "WORTH.S4-ALONE"), Gain(0.7, (0.6, 1.1), 5, "POPT.2U")),
            Worth("s4.columns", "S4", "all", "pruned", None, None),
        ),
        "generated_utc": "2026-03-01T10:00:21.500000Z",
    }  # fmt: skip
    return Summary(**{**record, **changes})
