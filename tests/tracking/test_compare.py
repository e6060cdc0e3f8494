import pytest

from seg6b.errors import EvidenceMissing, UsageError
from seg6b.runs.sweep import CONTROL
from seg6b.tracking.compare import Pair, choose_pair, compare_address, experiments_address
from seg6b.tracking.index import Index, Known
from tests.tracking.folders import write_run
from tests.tracking.test_sync import hold, pinned

A, B, C, D, E = (letter * 32 for letter in "abcde")
BASE = "http://127.0.0.1:5000"


def known(mlflow_id, experiment, *, deleted=False):
    return Known(mlflow_id, experiment, "FINISHED", deleted, {}, {})


def test_newest_finished_run_against_its_authority(tmp_path):
    hold(tmp_path, pinned(write_run(tmp_path, A)))
    write_run(tmp_path, B, ended_utc="2026-03-01T11:00:00.000000Z")
    write_run(tmp_path, C, ended_utc="2026-03-01T12:00:00.000000Z", status="FAILED")
    slot = {"sweep_id": "5" * 32, "set_index": 1, "ended_utc": "2026-03-01T13:00:00.000000Z"}
    write_run(tmp_path, D, arm=CONTROL, round_index=1, **slot)
    write_run(tmp_path, E, arm="c01", round_index=2, **slot)
    assert choose_pair(tmp_path) == Pair(B, A)
    assert choose_pair(tmp_path, "eeee") == Pair(E, A)
    assert choose_pair(tmp_path, "aaaa", "bbbb") == Pair(A, B)


def test_authority_of_another_seed_is_none(tmp_path):
    hold(tmp_path, pinned(write_run(tmp_path, A, seed=7)))
    write_run(tmp_path, B)
    with pytest.raises(EvidenceMissing, match=r"E_COMPARE_NO_AUTHORITY.*seg6b pin RUN --role authority"):
        choose_pair(tmp_path)


def test_authority_is_not_compared_with_itself(tmp_path):
    hold(tmp_path, pinned(write_run(tmp_path, A)))
    with pytest.raises(EvidenceMissing, match="E_COMPARE_NO_CANDIDATE"):
        choose_pair(tmp_path)


def test_run_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="E_RUN_UNKNOWN"):
        choose_pair(tmp_path, "../../etc")


def test_address_names_both_runs_and_their_experiments():
    index = Index({A: known("m1", "3"), B: known("m2", "1")})
    assert compare_address(BASE, index, Pair(A, B)) == (
        f"{BASE}/#/compare-runs?runs=%5B%22m1%22%2C%22m2%22%5D&experiments=%5B%223%22%2C%221%22%5D"
        "&workflowType=machine_learning"
    )
    assert experiments_address(BASE).startswith(f"{BASE}/#/experiments")


@pytest.mark.parametrize("runs", [{}, {A: known("m1", "1"), B: known("m2", "1", deleted=True)}])
def test_store_that_lacks_one_of_them(runs):
    with pytest.raises(EvidenceMissing, match=r"E_COMPARE_UNTRACKED.*seg6b sync"):
        compare_address(BASE, Index(runs), Pair(A, B))
