from __future__ import annotations

import math
from dataclasses import replace

import pytest
from omegaconf import OmegaConf

from seg6b.errors import UsageError
from seg6b.lane.comparison import objective
from seg6b.lane.entry import spelled
from seg6b.lane.lanes import register_lanes
from seg6b.lane.launcher import answer, swept_keys
from seg6b.lane.series import Result
from seg6b.lane.units import Asked, Unit, unit_of, units
from seg6b.scoring.closing import nobody_left
from seg6b.scoring.closure import ArmScore, Closure, Decision, Ratio
from seg6b.settings.schema import register


@pytest.fixture
def asked(job):
    """`asked(["seed=7", "s4.batch_rows=5"], …)`: jobs as a sweeper hands them over."""
    register()
    register_lanes()
    return lambda *lines: [Asked(k, tuple(line), job(*line)) for k, line in enumerate(lines)]


def shape(plan):
    """Numbers of the jobs of each unit, and its candidates where it is a sweep."""
    return [([a.number for a in u.asked], u.candidates() if u.swept else "run") for u in plan]


def test_seeds_alone_are_runs_one_after_the_other(asked):
    plan = units(asked(["world=tiny", "seed=42"], ["world=tiny", "seed=7"]), frozenset({"seed"}))
    assert shape(plan) == [([0], "run"), ([1], "run")]


def test_knobs_are_one_sweep(asked):
    jobs = asked(["seed=7", "s4.batch_rows=5"], ["seed=7", "s4.batch_rows=6"])
    (unit,) = units(jobs, frozenset({"s4.batch_rows"}))
    assert unit.candidates() == (("s4.batch_rows=5",), ("s4.batch_rows=6",))
    assert unit.shared == ("seed=7",)


@pytest.mark.parametrize("key", ["policy/timing", "posture", "executor.threads", "policy.timing.version"])
def test_packs_posture_and_threads_are_variants_too(asked, key):
    (unit,) = units(asked(["seed=7"]), frozenset({key}))
    assert unit.swept == {key}


def test_what_all_jobs_have_belongs_to_the_control_unless_it_was_swept(asked):
    jobs = asked(["s1.batch_rows=9", "s4.batch_rows=5"], ["s1.batch_rows=9", "s4.batch_rows=5"])
    (unit,) = units(jobs, frozenset({"s4.batch_rows"}))
    assert unit.shared == ("s1.batch_rows=9",)
    assert unit.candidates() == (("s4.batch_rows=5",),)


def test_knobs_and_seeds_are_a_sweep_for_each_seed(asked):
    lines = [[f"seed={s}", f"s4.batch_rows={n}"] for s in (42, 7) for n in (5, 6)]
    plan = units(asked(*lines), frozenset({"seed", "s4.batch_rows"}))
    both = (("s4.batch_rows=5",), ("s4.batch_rows=6",))
    assert shape(plan) == [([0, 1], both), ([2, 3], both)]
    assert [u.shared for u in plan] == [("seed=42",), ("seed=7",)]


def test_one_job_that_names_a_knob_is_a_candidate(asked):
    (unit,) = units(asked(["world=tiny", "s4.batch_rows=5"]), frozenset())
    assert unit.candidates() == (("s4.batch_rows=5",),)
    assert unit.shared == ("world=tiny",)


@pytest.mark.parametrize("kind", ["baseline", "witness", "certification"])
def test_a_lane_that_compares_nothing_runs_its_jobs(asked, kind):
    given = [f"lane.kind={kind}", *(["lane.closure.seeds=[42,7]"] if kind == "witness" else [])]
    jobs = asked([*given, "posture=dplus"], [*given, "posture=bplus"])
    assert shape(units(jobs, frozenset({"posture"}))) == [([0], "run"), ([1], "run")]


def test_a_lane_that_lists_candidates_is_a_sweep_for_each_seed(asked):
    plan = units(asked(["+lane=popt2r2", "seed=42"], ["+lane=popt2r2", "seed=7"]), frozenset({"seed"}))
    assert [len(u.candidates()) for u in plan] == [4, 4]
    assert plan[1].shared == ("+lane=popt2r2", "seed=7")
    assert plan[0].candidates()[3] == ("s4.batch_rows=750000", "s4.compression=lz4")


def test_nothing_else_is_swept_in_a_lane_that_lists_its_candidates(asked):
    with pytest.raises(UsageError, match=r"E_LANE_CANDIDATES: POPT\.2R2 .* s4\.batch_rows.*lane\.candidates=\[\]"):
        units(asked(["+lane=popt2r2", "s4.batch_rows=5"]), frozenset({"s4.batch_rows"}))


def test_swept_keys_are_those_of_the_command_line_and_of_the_sweeper():
    task = ["world=tiny", "seed=7", "s4.batch_rows=5,6", "+policy.x=range(1,4)", "s4.compression=choice(lz4)"]
    master = OmegaConf.create({"hydra": {"overrides": {"task": task}, "sweeper": {"params": {"s2.batch_rows": "1,2"}}}})
    assert swept_keys(master) == {"s4.batch_rows", "policy.x", "s4.compression", "s2.batch_rows"}


class Loose:
    """Composes with the `job` fixture, as Hydra would."""

    def __init__(self, job):
        self.job = lambda overrides: job(*overrides)


def test_one_bad_job_and_none_is_run(asked, job):
    bad, ran = replace(job(), scenario_id="stress"), []
    plan = [unit_of(a) for a in asked(["seed=1"])] + [Unit((Asked(1, (), bad),))]
    with pytest.raises(UsageError, match="E_RUN_SCOPE"):
        answer(plan, Loose(job), ran.append, lambda run: run())
    assert ran == []


def test_candidates_of_a_lane_that_compares_nothing_are_runs(asked, job):
    ran = []

    def run(asked):
        ran.append((asked.job.seed, asked.job.lane.candidates))
        return Result.of(1.0, int(asked.job.seed == 7))

    line = ["lane.kind=certification", "lane.candidates=[{seed: 42},{seed: 7},{seed: 101}]"]
    results = answer([unit_of(a) for a in asked(line)], Loose(job), run, lambda run: run())
    assert ran == [(42, ()), (7, ()), (101, ())]
    assert results[0].code == 1


def score(decision, ratio=None, run_id="0" * 32, gates=None):
    found = Ratio(ratio, ratio, (ratio, ratio), (ratio, ratio), (ratio, ratio), 5, 0.0) if ratio else None
    return ArmScore("c01", (), decision, (), run_id, ratio=found, gates=gates or {})


def closure(*arms):
    return Closure("adhoc", "", "optimisation", "S4", Decision.HOLD, "", "", (), arms, (), None, {}, (), "")


@pytest.mark.parametrize(
    ("arms", "code"),
    [
        ([score(Decision.KEEP, 0.8)], 0),
        ([score(Decision.INSUFFICIENT, 1.0)], 0),
        ([score(Decision.HOLD, 0.9), score(Decision.REJECT, 1.2)], 0),
        ([score(Decision.INERT, run_id="")], 0),
        ([score(Decision.REJECT, 1.2), score(Decision.REJECT_SEMANTIC_DRIFT)], 1),
        ([score(Decision.HOLD, run_id=""), score(Decision.HOLD, run_id="")], 1),
    ],
    ids=["kept", "open", "one-left", "inert", "all-rejected", "all-failed"],
)
def test_a_sweep_ends_with_1_when_no_candidate_is_left(arms, code):
    assert nobody_left(closure(*arms)) is bool(code)


def test_a_sweeper_minimises_the_ratio_and_never_meets_a_collapse():
    assert objective(score(Decision.KEEP, 0.8), "optimisation") == 0.8
    assert objective(score(Decision.REJECT, 1.2), "optimisation") == 1.2
    assert objective(score(Decision.INERT, run_id=""), "optimisation") == 1.0
    assert math.isnan(objective(score(Decision.REJECT_SEMANTIC_DRIFT, 0.5), "optimisation"))
    assert math.isnan(objective(score(Decision.HOLD, run_id=""), "optimisation"))


def test_policies_are_ranked_by_the_gates_they_miss():
    gates = {"T1": {"b_after": "PASS", "bplus_after": "PASS"}, "T2": {"b_after": "PASS", "bplus_after": "FAIL"}}
    assert objective(score(Decision.HOLD, gates=gates), "remediation") == 1.0


@pytest.mark.parametrize(("direction", "worst"), [("minimize", math.inf), ("maximize", -math.inf), (None, math.inf)])
def test_what_has_no_number_is_the_worst_a_sweeper_knows(direction, worst):
    refused = Result.of(math.nan, 1, error="E_X: no.").for_sweeper({"direction": direction})
    assert (refused, refused.code, refused.error) == (worst, 1, "E_X: no.")
    assert Result.of(0.5, 0, run_id="ab").for_sweeper({"direction": direction}).run_id == "ab"


def test_a_result_travels_to_another_process_whole():
    import pickle

    sent = pickle.loads(pickle.dumps(Result.of(0.5, 1, error="E_X: no.", run_id="ab")))  # noqa: S301 - own bytes
    assert (sent, sent.code, sent.error, sent.run_id) == (0.5, 1, "E_X: no.", "ab")


def test_arguments_are_spelled_as_hydra_takes_them():
    assert spelled(["seed=7,8", "--dry", "-m"]) == ["-m", "seed=7,8", "dry=true"]
    assert spelled(["run_id=1234e567", "source_run=any"]) == ["run_id='1234e567'", "source_run=any"]
    assert spelled(["arm.sweep=ab"]) == ["arm.sweep=ab", "hydra.mode=RUN"]
    with pytest.raises(UsageError, match="E_LANE_RERUN"):
        spelled(["--experimental-rerun=job.pickle"])
