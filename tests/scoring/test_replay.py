"""A replay on disk against its run: what is equal is told, and each single difference is named."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from seg6b.lane.replay import compare_runs
from seg6b.render.replay_files import write_replay
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.scoring.replay import ReplayVerdict, Witnessed, compare_replay
from seg6b.shards.executor import Threads
from tests.scoring.replays import REPLAY, published_otherwise, replay_of

ONE = Threads.of(1)
FLOWS, CASES = "s3_flow_anchor_with_fraud_6B", "s4_case_flows_6B"


@pytest.fixture
def run(tiny_run):
    return RunFolder(tiny_run)


@pytest.fixture
def replay(tiny_run, tmp_path):
    return replay_of(tiny_run, tmp_path)


def found(run, replay, since="S1"):
    witness = compare_runs(run, replay, since, ONE)
    assert witness.verdict is (ReplayVerdict.DIFFERENT if witness.faults else ReplayVerdict.IDENTICAL)
    return witness


def faults(run, replay):
    return found(run, replay).faults


def test_an_equal_replay_is_identical_in_every_dataset(run, replay, tmp_path):
    witness = found(run, replay)
    assert (witness.verdict, witness.run_id, witness.witness_id) == ("IDENTICAL", run.run_id, REPLAY)
    assert [d.dataset for d in witness.datasets[:2]] == ["s1_arrival_entities_6B", "s1_session_index_6B"]
    assert len(witness.datasets) == 12
    for dataset in witness.datasets:
        assert (dataset.schema_equal, dataset.partitions_equal, dataset.non_empty) == (True, True, True)
        assert dataset.parts[0] == dataset.equal_parts > 0
        assert dataset.digests[0].startswith(f"{dataset.rows[0]}:")
    told, text = write_replay("POPT.1", witness, tmp_path / "reports")
    assert told.name == f"segment6b_popt1_replay_witness_{run.run_id}_vs_{REPLAY}.json"
    assert json.loads(told.read_text())["verdict"] == "IDENTICAL"
    assert "replay witness, IDENTICAL" in text.read_text()


def test_one_changed_row_is_named(run, replay):
    def change(table, number):
        ids = table["session_id"].to_pylist()
        ids[0] += int(number == 0)
        return table.set_column(table.schema.get_field_index("session_id"), "session_id", pa.array(ids, pa.int64()))

    published_otherwise(replay, FLOWS, change)
    (fault,) = faults(run, replay)
    assert fault.startswith(f"{FLOWS}: content digest ")


def test_one_changed_type_is_named(run, replay):
    def change(table, _):
        at = table.schema.get_field_index("session_id")
        return table.set_column(at, "session_id", pc.cast(table["session_id"], pa.uint64(), safe=False))

    published_otherwise(replay, FLOWS, change)
    assert f"{FLOWS}: schema differs: session_id: int64 is missing; session_id: uint64 is new" in faults(run, replay)


def test_a_type_that_parts_do_not_agree_on_is_named(run, replay):
    def change(table, number):
        return table if number else table.rename_columns([*table.column_names[:-1], "other"])

    published_otherwise(replay, CASES, change)
    assert any(f"{CASES}: schema differs" in fault and "other" in fault for fault in faults(run, replay))


def test_a_dropped_part_is_named(run, replay):
    published_otherwise(replay, FLOWS, lambda table, number: table if number else None)
    told = faults(run, replay)
    assert [fault.split(" ")[0] for fault in told] == [f"{FLOWS}:"] * 2
    assert "in the replay" in told[0]
    assert "rows" in told[0]


def test_an_emptied_dataset_is_named(run, replay):
    published_otherwise(replay, CASES, lambda table, _: table.slice(0, 0))
    assert f"{CASES}: empty in the replay" in faults(run, replay)


def test_a_dataset_without_parts_is_named(run, replay):
    published_otherwise(replay, CASES, lambda *_: None)
    told = faults(run, replay)
    assert f"{CASES}: no part in the replay" in told
    assert any(fault.startswith(f"{CASES}: partitions differ: seed=42/") for fault in told)


def test_other_bytes_of_equal_rows_are_reported_and_pass(run, replay):
    published_otherwise(replay, FLOWS, lambda table, _: table)
    witness = found(run, replay)
    (flows,) = [d for d in witness.datasets if d.dataset == FLOWS]
    assert (witness.verdict, flows.equal_parts, flows.parts[0] > 0) == ("IDENTICAL", 0, True)


def test_rows_in_another_partition_are_named(run, replay):
    folder = next((replay.path / "data").rglob(f"{CASES}/*"))
    folder.rename(folder.with_name("seed=43"))
    told = faults(run, replay)
    assert any(fault.startswith(f"{CASES}: partitions differ: seed=42/") for fault in told)


def test_a_damaged_file_of_either_run_is_named(run, replay):
    part = next((replay.path / "data").rglob(f"{FLOWS}/**/*.parquet"))
    content = bytearray(part.read_bytes())
    content[100] ^= 1
    part.write_bytes(content)
    assert faults(run, replay) == (
        f"replay {REPLAY[:8]} is damaged: {part.relative_to(replay.path)}: the bytes differ (found "
        + faults(run, replay)[0].split("(found ")[1],
    )
    assert faults(replay, run)[0].startswith(f"run {REPLAY[:8]} is damaged")


def test_a_run_does_not_witness_itself(run):
    assert faults(run, run) == ("the run cannot witness itself: the replay needs a run id of its own",)


def test_other_settings_are_no_replay(run, replay):
    receipt = replay.receipt()
    replay.write_receipt(replace(receipt, seed=7, knobs={**receipt.knobs, "s4.batch_rows": 1}))
    assert faults(run, replay) == ("seed differs: 42, 7 in the replay", "knobs differs: s4.batch_rows")


def test_what_was_linked_was_not_replayed(run, replay):
    for state in ("S1", "S2"):
        path, receipt = replay.state_path(state), replay.state(state)
        path.unlink()
        write_json(path, replace(receipt, staged_from=run.run_id))
    assert [f for f in faults(run, replay) if "linked" in f] == [
        f"{state} of the replay is linked from {run.run_id[:8]}: nothing was replayed" for state in ("S1", "S2")
    ]
    witness = found(run, replay, since="S3")
    assert not any("linked" in fault for fault in witness.faults)
    assert {d.state for d in witness.datasets if not d.executed} == {"S1", "S2"}


def test_another_input_key_is_no_replay(run, replay):
    path, receipt = replay.state_path("S4"), replay.state("S4")
    path.unlink()
    write_json(path, replace(receipt, input_key="0" * 64, input_parts={**receipt.input_parts, "code": "0"}))
    assert "S4 was made from other inputs: code" in faults(run, replay)


def test_two_runs_without_data_are_not_identical(run):
    one = Witnessed(run.receipt(), {}, {})
    two = Witnessed(replace(run.receipt(), run_id=REPLAY), {}, {})
    assert compare_replay(one, two, "S1").verdict is ReplayVerdict.DIFFERENT
