"""Finished runs, copied under new ids so that a test may spoil them."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seg6b.datasets.digest import content_digest, total_digest
from seg6b.datasets.parts import read_part
from seg6b.runs.disk import read_record, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import StateReceipt
from seg6b.runs.sweep_folder import create_sweep, sweep_id_of
from tests.scoring.sweeps import sweep


@pytest.fixture
def copied(tiny_run, tmp_path):
    """`copied("c01", 1, 1, speed=0.5)`: a copy of the tiny run as a slot's run, its S4 so much faster."""

    def make(run_id, arm="", set_index=0, round_index=0, speed=1.0):
        run = RunFolder.of(tmp_path, run_id)
        shutil.copytree(tiny_run, run.path, copy_function=os.link)
        receipt = RunFolder(tiny_run).receipt()
        run.receipt_path.unlink()
        slot = {"arm": arm, "set_index": set_index, "round_index": round_index}
        run.write_receipt(replace(receipt, run_id=run_id, files=(), **slot))
        state = run.state("S4")
        write_state(run, replace(state, elapsed_s={**state.elapsed_s, "total": 100.0 * speed}))
        return run

    return make


def write_state(run, receipt):
    run.state_path(receipt.state).unlink()
    write_json(run.state_path(receipt.state), receipt)


def rewrite(run, dataset, change):
    """Pass the first part of an S4 dataset through `change`, and let the receipt say what is there now."""
    receipt = read_record(run.state_path("S4"), StateReceipt)
    held = receipt.datasets[dataset]
    path = run.path / held.folder / held.parts[0].name
    table = change(pq.read_table(path))
    path.unlink()
    pq.write_table(table, path)
    found = total_digest(content_digest(read_part(run.path / held.folder / p.name)) for p in held.parts)
    changed = replace(held, rows=found.rows, digest=str(found))
    write_state(run, replace(receipt, datasets={**receipt.datasets, dataset: changed}))


def constant(name, value):
    """A change that sets one dictionary column to one value."""

    def change(table):
        column = table.column(name).combine_chunks()
        code = column.dictionary.to_pylist().index(value)
        same = pa.DictionaryArray.from_arrays(pa.array([code] * len(column), column.indices.type), column.dictionary)
        return table.set_column(table.schema.get_field_index(name), name, same)

    return change


@pytest.fixture
def planned(tiny_run, tmp_path):
    """A sweep over the tiny world, its plan on disk."""

    def make(**changed):
        receipt = RunFolder(tiny_run).receipt()
        axes = {n: getattr(receipt, n) for n in ("manifest_fingerprint", "posture", "seed", "scenario_id")}
        plan = sweep(**{"authority": "", "arrivals": 20_000, **axes, **changed})
        plan = replace(plan, sweep_id=sweep_id_of(plan))
        create_sweep(tmp_path, plan)
        return plan

    return make
