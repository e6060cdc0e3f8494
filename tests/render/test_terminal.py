import io
import threading

from seg6b.gates.result import Verdict
from seg6b.render.progress import LiveProgress
from seg6b.render.terminal import OutcomeView, show_outcome, show_plan
from tests.render.synthetic import RUN_ID, board_data, gate_board, receipt, states


class Terminal(io.StringIO):
    def isatty(self):
        return True


def view(tmp_path, **changes):
    data = board_data()
    record = {
        "folder": tmp_path,
        "receipt": receipt(),
        "states": states(),
        "board": gate_board(),
        "validation": "PASS",
        "budgets": data.budgets,
    }
    return OutcomeView(**{**record, **changes})


def shown(outcome, stream=None):
    stream = stream or io.StringIO()
    show_outcome(outcome, stream)
    return stream.getvalue()


def test_outcome_says_everything(tmp_path):
    said = shown(view(tmp_path, tracking="sqlite:///store.db"))
    assert "PASS_BPLUS  UNLOCK_P1" in said
    assert "18 of 18 hard gates pass B; 22 of 22 gates pass B+." in said
    assert "155 k/s" in said
    assert "RED of 2.00 s" in said
    assert "0.09271" in said
    assert "[0.0871, 0.0983]" in said
    assert f"{tmp_path}/gateboard.html" in said
    assert f"python -m seg6b verify {RUN_ID[:8]}" in said
    assert "sqlite:///store.db" in said


def test_no_escape_codes_outside_a_terminal(tmp_path):
    assert "\x1b" not in shown(view(tmp_path))
    assert "\x1b" in shown(view(tmp_path), Terminal())


def test_failing_gates_name_their_owner_and_the_larger_world(tmp_path):
    board = gate_board(failing=("T5",), insufficient=("T17", "T18"), verdict=Verdict.FAIL_REALISM)
    said = shown(view(tmp_path, board=board, validation="FAIL", untracked="E_TRACKING_STORE: locked"))
    assert "Reopen S4 for T5." in said
    assert "T17, T18: a larger world has the data" in said
    assert "S5 validation: FAIL" in said
    assert "pending: E_TRACKING_STORE: locked" in said


def test_square_brackets_are_no_markup(tmp_path):
    assert "[bold]x[/bold]" in shown(view(tmp_path, untracked="[bold]x[/bold]"))


def test_plan(job):
    stream = io.StringIO()
    show_plan(job("world=tiny"), stream)
    said = stream.getvalue()
    assert "Lane adhoc" in said
    assert "posture bplus" in said
    assert "batch_rows" in said


def test_one_line_a_state_outside_a_terminal():
    stream = io.StringIO()
    with LiveProgress(stream) as progress:
        progress.world(10, 20)
        progress.world(20, 20)
        for state in states(S1="9" * 32)[:3]:
            progress.started(state.state, state.rows)
            progress.advanced(5)
            progress.finished(state)
        progress.skipped(states()[3])
    lines = stream.getvalue().splitlines()
    assert lines[0] == "world  20 arrivals made"
    assert lines[1].startswith("S0     0.40 s, 1 rows")
    assert lines[2].startswith("S1     linked from 99999999")
    assert lines[3].startswith("S2     3.80 s, 590,000 rows, 155 k/s, 16 parts")
    assert lines[4].startswith("S3     already done")
    assert len(lines) == 5


def test_bars_on_a_terminal_from_many_threads():
    stream = Terminal()
    state = states()[2]
    with LiveProgress(stream) as progress:
        progress.world(5, 10)
        progress.started("S2", state.rows)
        threads = [threading.Thread(target=lambda: [progress.advanced(1_000) for _ in range(50)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert progress._bars.tasks[1].completed == 200_000
        progress.finished(state)
    assert "590,000 / 590,000 rows" in stream.getvalue()
