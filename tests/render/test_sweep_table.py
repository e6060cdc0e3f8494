import io
import threading
import time

import pytest

from seg6b.render.dry_table import DryArm, DryRun, show_dry
from seg6b.render.jobs_table import LiveJobs
from seg6b.render.sweep_table import LiveSweep, state_in_progress
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import Arm, Slot, SlotReceipt, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder
from tests.render.closures import OVERRIDES, SWEEP_ID, closure, run_id
from tests.render.synthetic import states

ARMS = tuple(
    Arm(n, OVERRIDES[n], {}, "ab" * 32, "it cannot bind" if n == "c03" else "") for n in ("control", "c01", "c03")
)
SWEEP = Sweep(
    SWEEP_ID, "POPT.2R2", "optimisation", "S4", (), ARMS, 2, 12, confirm=True, on_failure="continue", retries=1,
    warm_up=True, authority="", authority_digest="", manifest_fingerprint="f1" * 32, posture="bplus", seed=42,
    scenario_id="baseline_v1", arrivals=20_000, closure={}, code="c0", ordinal=1, created_utc="2026-01-01T00:00:00Z",
)  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self):
        return True


def slot(arm, round_index=1, set_index=1):
    return Slot(set_index, round_index, 0, arm, run_id(arm, set_index, round_index))


def done(of):
    return SlotReceipt(of, SlotStatus.DONE)


def commit(root, of, *names):
    for state in states():
        if state.state in names:
            write_json(RunFolder.of(root, of.run_id).state_path(state.state), state)


def test_one_line_an_event_outside_a_terminal(tmp_path):
    stream, first, second = io.StringIO(), slot("control", 0), slot("c01")
    commit(tmp_path, first, "S4")
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)
        live.started(first)
        live.finished(first, done(first))
        live.started(second)
        live.failed(second, "E_S4_DISK: no room.")
        live.scored(closure())
    lines = stream.getvalue().splitlines()
    assert lines[0] == "sweep 5eed5eed of lane POPT.2R2: 5 runs"
    assert lines[1] == "s1-r00-p0-control  started, run 1 of 5"
    assert lines[2] == "s1-r00-p0-control  done in 0 s, S4 5.20 s"
    assert lines[4] == "s1-r01-p0-c01  failed: E_S4_DISK: no room."
    assert lines[5].startswith("c01  0.639 [0.629, 0.650] KEEP: ")


def test_what_is_done_on_disk_is_counted(tmp_path):
    folder, stream = SweepFolder.of(tmp_path, SWEEP_ID), io.StringIO()
    for of in (slot("control", 0), slot("control")):
        folder.write_slot(done(of))
    folder.write_slot(SlotReceipt(slot("c01"), SlotStatus.RUNNING))
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)
        live.started(slot("c01"))
    assert stream.getvalue().splitlines() == [
        "sweep 5eed5eed of lane POPT.2R2: 5 runs, 2 done before",
        "s1-r01-p0-c01  started, run 3 of 5",
    ]


def test_further_rounds_and_a_second_set_are_planned_when_they_begin(tmp_path):
    stream = io.StringIO()
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)
        live.started(slot("c01", 5))
        live.started(slot("c01", 1, 2))
    assert [line.rsplit(" ", 1)[1] for line in stream.getvalue().splitlines()[1:]] == ["8", "10"]


def test_a_failure_that_is_tried_again_counts_once(tmp_path):
    stream, of = io.StringIO(), slot("c01")
    SweepFolder.of(tmp_path, SWEEP_ID).write_slot(SlotReceipt(of, SlotStatus.FAILED))
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)
        for _ in range(2):
            live.started(of)
            live.failed(of, "E_S4_DISK: no room.")
        live.started(of)
        live.finished(of, done(of))
        assert (live._table.jobs["c01"].done, live._table.jobs["c01"].failed) == (1, 0)
    assert {line.split("run ")[1] for line in stream.getvalue().splitlines() if "started" in line} == {"1 of 5"}


def test_table_on_a_terminal_tells_failures_at_once(tmp_path):
    stream, of = Terminal(), slot("c01")
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)
        live.started(of)
        commit(tmp_path, of, "S0", "S1", "S2")
        deadline = time.monotonic() + 10.0
        while "S3" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.05)
        live.failed(of, "E_S4_DISK: [bold]no room[/bold].")
        assert "s1-r01-p0-c01  failed: E_S4_DISK: [bold]no room[/bold]." in stream.getvalue()
    said = stream.getvalue()
    assert "set 1 round 1 S3" in said
    assert "inert" in said
    assert "1 of 5 runs" in said


@pytest.mark.parametrize(
    ("committed", "said"), [((), "starts"), (("S0",), "S1"), (("S0", "S1", "S2", "S3", "S4", "S5"), "ends")]
)
def test_state_in_progress_follows_the_receipts(tmp_path, committed, said):
    commit(tmp_path, slot("c01"), *committed)
    assert state_in_progress(RunFolder.of(tmp_path, slot("c01").run_id)) == said


def test_listeners_may_be_called_from_many_threads(tmp_path):
    stream = Terminal()
    with LiveSweep(tmp_path, stream) as live:
        live.planned(SWEEP)

        def runs(k):
            of = slot("c01", k)
            live.started(of)
            live.finished(of, done(of))

        threads = [threading.Thread(target=runs, args=(k,)) for k in range(1, 9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert live._table.jobs["c01"].done == 8
        assert live._table.jobs["c01"].running == {}


def test_jobs_of_another_launcher():
    stream = io.StringIO()
    with LiveJobs(stream) as live:
        live.started(0, "seed=1")
        live.started(1, "seed=2")
        live.state(0, "S4  5.2 s")
        live.ended(0, "done  run 0123", 0)
        live.ended(1, "E_RUN_DISK: no room.", 1)
    assert stream.getvalue().splitlines() == [
        "job 0  started  seed=1", "job 1  started  seed=2", "job 0  S4  5.2 s", "job 0  done  run 0123", "E_RUN_DISK: no room.",
    ]  # fmt: skip


def test_dry_run_says_minutes_and_bytes():
    arms = (
        DryArm("control", (), 11, ("S4", "S5"), ("S0", "S1", "S2", "S3"), 4.4, 3 * 2**20),
        DryArm("c01", ("s4.batch_rows=1",), 0, (), (), None, None, "inert: it cannot bind"),
    )
    stream = io.StringIO()
    show_dry(
        DryRun("POPT.2R2", SWEEP_ID, arms, 21, 2, 8.36, 6 * 2**20, 2**30, 2**20, "run 0123", ("No authority.",)), stream
    )
    said = stream.getvalue()
    assert "Lane POPT.2R2, sweep 5eed5eed: nothing is run" in said
    assert "S0-S3" in said
    assert "inert: it cannot bind" in said
    assert "19 runs to do, 2 of 21 done; 8.4 min; 6.0 MiB to write, 1.0 MiB at once; 1.0 GiB free." in said
    assert said.endswith("Estimated from run 0123.\nNo authority.\n")


def test_dry_run_without_anything_to_go_by():
    stream = io.StringIO()
    show_dry(
        DryRun("adhoc", "", (DryArm("candidate", (), 1, ("S0",), (), None, None),), 1, 0, None, None, 2**30), stream
    )
    assert (
        "1 run to do; time unknown until one run of this world is done; bytes unknown; 1.0 GiB free."
        in stream.getvalue()
    )
