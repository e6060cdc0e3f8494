"""The road from D+ to B+ as a walk would tell it, made of formulas: no run, no draw."""

from dataclasses import replace

from seg6b.gates.result import Verdict
from seg6b.render.data import BoardData
from seg6b.render.story_data import Story, StoryCandidate, StoryCertification, StoryPhase
from seg6b.scoring.closure import BudgetFact
from tests.render.synthetic import FAIL, GATES, PASS, board_data, gate_board, receipt

SEEDS = (42, 7, 101, 202)
P1 = ("T1", "T2", "T3", "T5", "T6", "T7", "T9", "T10", "T21", "T22")
P2 = ("T11", "T12", "T13", "T14", "T15", "T16")
P3, P4 = ("T17", "T18"), ("T19", "T20")
AT_B = ("T5", "T6", "T7")


def gates(failing=(), insufficient=(), at_b=()):
    board = gate_board(failing=failing, insufficient=insufficient, verdict=Verdict.FAIL_REALISM)
    return {g: replace(r, bplus=FAIL) if g in at_b else r for g, r in board.gates.items()}


def board_of(found, run_id, **changes) -> BoardData:
    whole = gate_board(
        verdict=Verdict.PASS_BPLUS if all(g.bplus == PASS for g in found.values()) else Verdict.FAIL_REALISM
    )
    posture = changes.pop("posture", "dplus")
    named = replace(whole, gates=found, run_id=run_id)
    return board_data(board=named, receipt=receipt(run_id=run_id, posture=posture), **changes)


def budgets(s4=4.9, status="GREEN"):
    return (
        BudgetFact("S3", 3.1, 3.4, 4.0, "GREEN"),
        BudgetFact("S4", s4, 5.0, 6.0, status),
        BudgetFact("candidate", 11.0, 20.0, 22.0, "GREEN"),
    )


def candidate(name="c01", decision="KEEP", **changes):
    record = {
        "name": name,
        "overrides": ("policy/truth=full", "policy/delay=full"),
        "decision": decision,
        "reasons": ("gates that pass now and did not before: T1, T2",),
    }
    return StoryCandidate(**{**record, **changes})


def wave(phase, found, **changes):
    number = int(phase[1:])
    run_id = f"{number:x}" * 32
    record = {
        "phase": phase, "lane": phase, "kind": "remediation", "title": f"wave {number}", "goal": f"what {phase} was to reach",
        "owner": "S4", "alternatives": (("move the threshold", "no threshold is moved to meet the data"),),
        "candidates": (
            candidate("c01", "REJECT", reasons=("gates that passed B no longer do: T4", "held against run 0a0a0a0a (control)")),
            candidate("c02", "KEEP"),
        ),
        "decision": "KEEP", "marker": f"UNLOCK_P{number + 1}", "reasons": (f"every gate of {phase} is at B",), "overrides": (),
        "board": board_of(found, run_id), "gates": found, "run_id": run_id, "budgets": budgets(),
    }  # fmt: skip
    return StoryPhase(**{**record, **changes})


def baseline(**changes):
    found = gates(failing=(*P1, *P2, *P3, *P4))
    record = {
        "kind": "baseline", "title": "as published", "candidates": (), "decision": "HOLD_REMEDIATE",
        "marker": "HOLD_REMEDIATE", "reasons": ("15 hard gates fail",), "owner": "S5",
    }  # fmt: skip
    return wave("P0", found, **{**record, **changes})


def certification(grade="PASS_BPLUS_ROBUST", short=(), **changes):
    names = [row[0] for row in GATES]
    record = {
        "phase": "P5", "grade": grade, "seeds": SEEDS,
        "verdicts": dict.fromkeys(SEEDS, "PASS_B" if short else "PASS_BPLUS"),
        "values": {row[0]: {seed: row[6] * (1.0 + 0.01 * k) for k, seed in enumerate(SEEDS)} for row in GATES},
        "passes": {g: dict.fromkeys(SEEDS, "FAIL" if g in short else "PASS") for g in names},
        "cv": {**dict.fromkeys(names[4:7], 0.01), "T17.campaigns": 0.0, "T9": 0.109452}, "cv_max": 0.15, "blockers": (),
        "budgets": (*budgets(5.4, "AMBER"), BudgetFact("certification", 44.0, 95.0, 105.0, "GREEN")),
        "reasons": (f"gates below B+: {', '.join(short)}",) if short else (),
    }  # fmt: skip
    return StoryCertification(**{**record, **changes})


def story(*parts, **changes):
    """The whole road, unless other phases are given."""
    walked = parts or (
        baseline(),
        wave("P1", gates(failing=(*P2, *P4), insufficient=P3, at_b=AT_B)),
        wave("P2", gates(failing=P4, insufficient=P3, at_b=AT_B), owner="S2"),
        wave(
            "P3", gates(failing=P4, at_b=AT_B), owner="S3", overrides=("UNLOCK_P3 was missing; ran anyway: rehearsal",)
        ),
        wave("P4", gates(at_b=AT_B), owner="S1"),
        certification("PASS_B", AT_B),
        wave("P6", gates(), marker="UNLOCK_P5_BPLUS"),
        certification(),
    )
    record = {
        "world": "default",
        "arrivals": 250_000,
        "seed": 42,
        "phases": walked,
        "generated_utc": "2026-03-01T10:00:21.500000Z",
        "notes": (),
    }
    return Story(**{**record, **changes})
