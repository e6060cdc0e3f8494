"""The ladder of POPT: lanes are walked in order, what is decided is passed over, and a missing marker ends the walk."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from seg6b.cli import popt as command
from seg6b.cli.app import app
from seg6b.errors import UsageError
from seg6b.lane.lanes import lane_of
from seg6b.lane.plan import CODE
from seg6b.runs import ledger
from seg6b.runs.keys import code_digest
from seg6b.runs.sweep_folder import create_sweep, sweep_id_of
from seg6b.settings.job import Lane
from tests.runs.fake_runs import make_run
from tests.scoring.sweeps import sweep

LANES = {
    "base": Lane("POPT.0", kind="baseline"),
    "two": Lane("POPT.2", owner="S4", kind="optimisation", requires=("GO_POPT.1",), candidates=({"a": 1},)),
    "again": Lane("POPT.2U", owner="S4", kind="optimisation", requires=("GO_POPT.1",), candidates=({"a": 1},)),
    "three": Lane("POPT.3", owner="S3", kind="optimisation", requires=("UNLOCK_POPT.3",), candidates=({"a": 1},)),
    "worth": Lane("WORTH", owner="S4", kind="optimisation", requires=("GO_POPT.1",), candidates=({"a": 1},)),
}
GIVEN = {"base": "GO_POPT.1", "two": "HOLD_POPT.2", "again": "UNLOCK_POPT.3", "three": "UNLOCK_POPT.4", "worth": ""}


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A ladder of four lanes whose runs are lines in the ledger; `given` says what each one decides."""
    found = SimpleNamespace(root=tmp_path, ran=[], lines=[], given=dict(GIVEN), codes={}, kinds={"base": "run"})
    monkeypatch.setattr(command, "LADDER", ("base", "two", "again", "three"))
    monkeypatch.setattr(command, "WORTH", ("worth",))
    monkeypatch.setattr(command, "lane_of", LANES.__getitem__)
    monkeypatch.setattr(command, "gather_summary", lambda root, place: (root, place))
    monkeypatch.setattr(command, "write_summary", lambda _, path: found.lines.append(path) or path)
    monkeypatch.setattr(command, "seconds_by_state", lambda *_: {"S4": 5.0, "S5": 1.0} if found.ran else {})
    monkeypatch.setattr(subprocess, "run", lambda line, **_: run_lane(found, line))
    return found


def run_lane(bench, line):
    file = next(word for word in line if word.startswith("+lane=")).removeprefix("+lane=")
    bench.ran.append(file)
    bench.lines.append(line)
    if bench.given[file] is None:
        return SimpleNamespace(returncode=bench.codes.get(file, 1))
    body = {"lane": LANES[file].id, "decision": "KEEP", "marker": bench.given[file], "run_id": "", "sweep_id": ""}
    if bench.kinds.get(file) == "run":
        body["run_id"] = make_run(bench.root, file, world={"name": "default", "arrivals": 500_000}).run_id
    else:
        made = sweep(lane=body["lane"], arrivals=500_000, code=code_digest(CODE))
        made = replace(made, sweep_id=sweep_id_of(made))
        create_sweep(bench.root, made)
        body["sweep_id"] = made.sweep_id
    ledger.append(bench.root, ledger.CLOSURE, body)
    return SimpleNamespace(returncode=bench.codes.get(file, 0))


def walk(bench, *more):
    return CliRunner().invoke(app, ["popt", "--root", str(bench.root), *more])


def test_a_hold_does_not_stop_the_walk_and_it_ends_with_the_page(bench):
    bench.codes["two"] = 1
    done = walk(bench, "tracking=off")
    assert (done.exit_code, bench.ran) == (0, ["base", "two", "again", "three", "worth"])
    assert bench.lines[-1] == bench.root / "reports" / "popt_summary.html"
    assert done.stdout.strip() == str(bench.lines[-1])
    line = bench.lines[1]
    assert line[1:] == [
        "-m", "seg6b.lane", "+lane=two", f"root={bench.root}", "world.arrivals=500000", "lane.repeats=4", "lane.max_repeats=4", "tracking=off",
    ]  # fmt: skip
    assert not any(word.startswith("lane.max_repeats") for word in bench.lines[4])
    assert "left:" in done.stderr


def test_what_is_decided_is_passed_over(bench):
    walk(bench)
    again = walk(bench)
    assert (again.exit_code, len(bench.ran)) == (0, 5)
    assert "POPT.2 is decided: KEEP HOLD_POPT.2" in again.stderr
    assert "WORTH is decided: KEEP\n" in again.stderr


def test_another_world_is_another_walk(bench):
    walk(bench)
    assert walk(bench, "--world", "tiny").exit_code == 1  # the stand-in makes 500,000 arrivals, whatever is asked for
    assert bench.ran[5:] == ["base"]


def test_a_marker_that_nobody_gave_ends_the_ladder_but_not_the_page(bench):
    bench.given["again"] = "HOLD_POPT.2"
    done = walk(bench)
    assert (done.exit_code, bench.ran) == (1, ["base", "two", "again", "worth"])
    assert "POPT.3 requires UNLOCK_POPT.3, which no lane gave: the ladder holds here" in done.stderr
    assert bench.lines[-1].name == "popt_summary.html"


def test_an_override_goes_on_and_is_handed_to_the_lane(bench):
    bench.given["again"] = "HOLD_POPT.2"
    done = walk(bench, "--override", "it's a  rehearsal")
    assert (done.exit_code, bench.ran[-2:]) == (0, ["three", "worth"])
    assert r"lane.override='it\'s a rehearsal'" in bench.lines[3]


@pytest.mark.parametrize("kind", ["sweep", "run"])
def test_a_last_lane_that_holds_is_no_end(bench, kind):
    bench.given["three"] = "HOLD_POPT.3"
    bench.kinds["three"] = kind
    assert (walk(bench).exit_code, bench.ran[-1]) == (1, "worth")


def test_a_lane_that_does_not_close_stops_the_walk_and_is_gone_on_with(bench):
    bench.given["two"] = None
    for code, exit_code in ((2, 2), (0, 1)):
        bench.codes["two"] = code
        done = walk(bench)
        assert (done.exit_code, bench.ran[-1]) == (exit_code, "two")
        assert "POPT.2 did not close; the same command goes on from here" in done.stderr
    bench.given["two"] = "HOLD_POPT.2"
    assert walk(bench).exit_code == 0
    assert bench.ran.count("base") == 1


def test_a_baseline_that_holds_leaves_nothing_to_ask(bench):
    bench.given["base"] = "HOLD_POPT.0"
    done = walk(bench)
    assert (done.exit_code, bench.ran) == (1, ["base"])
    assert "POPT.2 requires GO_POPT.1" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [(("world=tiny",), "E_POPT_WORLD"), (("world.arrivals=7",), "E_POPT_WORLD"), (("seed=1,2",), "E_POPT_SEED"), (("--world", "huge"), "E_POPT_WORLD")],
)  # fmt: skip
def test_a_place_is_one_world_and_one_seed(bench, words, code):
    error = walk(bench, *words).exception
    assert isinstance(error, UsageError)
    assert error.code == code
    assert bench.ran == []


def test_time_left_follows_what_lanes_really_took(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "LADDER", ("two", "again"))
    monkeypatch.setattr(command, "WORTH", ("worth",))
    monkeypatch.setattr(command, "lane_of", LANES.__getitem__)
    monkeypatch.setattr(command, "seconds_by_state", lambda *_: {"S4": 5.0, "S5": 1.0})
    one = (1 + 4 * 4) * (4.0 + 6.0)
    walk = command.Walk(tmp_path, "500000", command.Place(500_000))
    assert walk._left("two") == f", about {command.clock(3 * one)} left"
    walk.done_s.append((one, 2 * one))
    assert walk._left("again") == f", about {command.clock(2 * one * 2)} left"


def test_every_lane_is_found_from_where_the_command_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert lane_of("popt0").id == "POPT.0"
    assert Path(command.command_of(tmp_path, "popt0", "tiny")[0]).exists()
