"""Writers: equal rows whatever the strategy, and parts, row groups, copies and memory as their docstrings say."""

from __future__ import annotations

from collections import defaultdict
from itertools import accumulate, pairwise
from typing import get_args

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.datasets.column import Dataset, Kind, column, enum
from seg6b.datasets.digest import content_digest
from seg6b.datasets.parts import read_parts
from seg6b.datasets.writers.buffered import Buffered
from seg6b.datasets.writers.strategies import WRITERS, WriterName, Writing
from seg6b.runs.axes import Axes
from seg6b.runs.meter import Meter
from seg6b.runs.output import StateOutput
from seg6b.settings import schema
from seg6b.settings.knobs import RELEVANT, StateKnobs, writing_of

FLOWS = Dataset("flows", ("id",), (column("id", Kind.ID), enum("kind", ("A", "B", "C")), column("amount", Kind.INT)))
EVENTS = Dataset("events", ("id", "seq"), (column("id", Kind.ID), column("seq", Kind.INT)))
CASES = Dataset("cases", ("id",), (column("id", Kind.ID),))
DATASETS = (FLOWS, EVENTS, CASES)
BATCH_BYTES = 1000 * (8 + 1 + 8)


def batch_of(start, size, *, cases=True):
    """Flows `start` … with three events each; one case a hundred flows."""
    ids = np.arange(start, start + size, dtype=np.int64)
    kind = pl.Series((ids % 3).astype(np.uint8)).cat.to(pl.Enum(("A", "B", "C")))
    case_ids = ids[ids % 100 == 0] if cases else ids[:0]
    return {
        FLOWS: pl.DataFrame({"id": ids, "kind": kind, "amount": ids * 7}),
        EVENTS: pl.DataFrame({"id": np.repeat(ids, 3), "seq": np.tile(np.arange(3), size)}),
        CASES: pl.DataFrame({"id": case_ids}),
    }


def written(root, sizes, writer, target_bytes, *, tasks=1, compression="snappy", cases=True):
    """The batches of these sizes, in order, shared among tasks."""
    axes = Axes("f" * 64, "p" * 64, 42, "baseline_v1")
    output = StateOutput(root, "S2", axes, compression, Meter(), Writing(writer, target_bytes))
    starts = [0, *accumulate(sizes)]
    for task in range(tasks):
        sink = output.sink(task)
        for k in range(task * len(sizes) // tasks, (task + 1) * len(sizes) // tasks):
            sink.emit(batch_of(starts[k], sizes[k], cases=cases), (k % 64, k % 64))
        sink.close()
    for dataset in DATASETS:
        output.complete(dataset)
    return output


def paths_of(output, dataset):
    return [output.folder(dataset) / part.name for part in output.datasets[dataset.name].parts]


def shape(output, dataset):
    """Rows of each row group of each part."""
    files = [pq.ParquetFile(path).metadata for path in paths_of(output, dataset)]
    return [[file.row_group(k).num_rows for k in range(file.num_row_groups)] for file in files]


def test_the_knob_names_every_strategy():
    assert list(WRITERS) == list(get_args(WriterName)) == [w.value for w in schema.Writer]
    assert len(set(WRITERS.values())) == len(WRITERS)


def test_every_state_but_s1_has_the_knob():
    knobs = StateKnobs(writer="per_batch", target_file_mb=3)
    assert [s for s in RELEVANT if "writer" in RELEVANT[s]] == ["S2", "S3", "S4"]
    assert writing_of("S3", knobs) == Writing("per_batch", 3 * 2**20)
    assert writing_of("S1", knobs) == Writing()


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(0, 40), max_size=12),
    writer=st.sampled_from(list(WRITERS)),
    target=st.integers(1, 4000),
    tasks=st.integers(1, 4),
    compression=st.sampled_from(["snappy", "lz4", "zstd", "uncompressed"]),
)
def test_rows_order_and_digest_stay_whatever_the_writer(tmp_path_factory, sizes, writer, target, tasks, compression):
    output = written(tmp_path_factory.mktemp("w"), sizes, writer, target, tasks=tasks, compression=compression)
    expected = batch_of(0, sum(sizes))
    for dataset in DATASETS:
        found, out = read_parts(paths_of(output, dataset)), output.datasets[dataset.name]
        assert found.equals(expected[dataset])
        assert out.digest == content_digest(expected[dataset])
        assert sum(part.rows for part in out.parts) == expected[dataset].height
        assert [part.rows for part in out.parts] == [sum(groups) for groups in shape(output, dataset)]


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    writer=st.sampled_from(list(WRITERS)),
    target=st.integers(1, 4000),
    tasks=st.integers(1, 3),
)
def test_all_datasets_are_cut_at_the_same_places(tmp_path_factory, sizes, writer, target, tasks):
    output = written(tmp_path_factory.mktemp("w"), sizes, writer, target, tasks=tasks)
    flows, events = (paths_of(output, dataset) for dataset in (FLOWS, EVENTS))
    assert [p.name for p in flows] == [p.name for p in events]
    for one, other in zip(flows, events, strict=True):
        assert read_parts([one])["id"].to_list() == read_parts([other])["id"].unique(maintain_order=True).to_list()
    assert {p.name for p in paths_of(output, CASES)} <= {p.name for p in flows}


def test_cells_of_a_part_are_those_of_its_batches(tmp_path):
    output = written(tmp_path, [1000] * 6, "buffered", 3 * 3 * 16 * 1000)
    parts = output.datasets["flows"].parts
    assert [part.cells for part in parts] == [(0, 2), (3, 5)]
    single = written(tmp_path / "b", [10] * 3, "per_batch", 1)
    assert [part.cells for part in single.datasets["events"].parts] == [(0, 0), (1, 1), (2, 2)]


def test_a_dataset_without_a_row_between_two_cuts_has_no_part_of_that_number(tmp_path):
    output = written(tmp_path, [50, 100, 50], "per_batch", 1)
    assert [p.name for p in paths_of(output, CASES)] == ["part-00000-00000.parquet", "part-00000-00001.parquet"]
    assert [p.name for p in paths_of(output, FLOWS)] == [f"part-00000-{k:05d}.parquet" for k in range(3)]


def test_nothing_written_leaves_an_empty_part(tmp_path):
    for number, writer in enumerate(WRITERS):
        output = written(tmp_path / str(number), [0, 0], writer, 1)
        assert [part.rows for part in output.datasets["flows"].parts] == [0]
        assert output.datasets["flows"].digest == content_digest(batch_of(0, 0)[FLOWS])


def test_a_batch_that_breaks_the_contract_is_refused_before_anything_is_written(tmp_path):
    axes = Axes("f" * 64, "p" * 64, 42, "baseline_v1")
    sink = StateOutput(tmp_path, "S2", axes, "snappy", Meter(), Writing("per_batch", 1)).sink(0)
    rows = batch_of(0, 5)
    with pytest.raises(Exception, match=r"E_S2_CONTRACT: .*amount is missing"):
        sink.emit(rows | {FLOWS: rows[FLOWS].drop("amount")}, (0, 0))
    assert list(tmp_path.rglob("*.parquet")) == []


class TestCosts:
    """Eight batches of a thousand flows, three events each: 48 kB of events in memory a batch."""

    SIZES = (1000,) * 8
    EVENT_BYTES = 1000 * 3 * 16

    def test_parts_and_row_groups_are_as_the_docstrings_say(self, tmp_path):
        target = 4 * self.EVENT_BYTES
        made = {name: written(tmp_path / name, self.SIZES, name, target) for name in WRITERS}
        assert shape(made["per_batch"], FLOWS) == [[1000]] * 8
        assert shape(made["buffered"], FLOWS) == [[4000]] * 2
        appended = shape(made["row_group_append"], FLOWS)
        assert [rows for part in appended for rows in part] == [1000] * 8
        assert len(appended) == 1, "encoded, the file is smaller than what is held in memory"

    def test_bytes_are_the_fewest_in_few_row_groups(self, tmp_path):
        total = {}
        for name in WRITERS:
            output = written(tmp_path / name, self.SIZES, name, 1 << 40)
            total[name] = sum(part.bytes for out in output.datasets.values() for part in out.parts)
        assert total["buffered"] < total["row_group_append"] < total["per_batch"]

    def test_per_batch_heeds_no_target(self, tmp_path):
        few, many = (written(tmp_path / str(t), self.SIZES, "per_batch", t) for t in (1, 1 << 40))
        assert [shape(few, d) for d in DATASETS] == [shape(many, d) for d in DATASETS]

    @pytest.mark.parametrize("target", [20_000, 60_000, 100_000])
    def test_an_appended_file_passes_the_target_by_a_batch_at_most(self, target, tmp_path):
        output = written(tmp_path, (500,) * 40, "row_group_append", target, compression="uncompressed")
        one = written(tmp_path / "one", (500,), "per_batch", 1, compression="uncompressed").datasets["events"].parts
        sizes = [part.bytes for part in output.datasets["events"].parts]
        assert len(sizes) > 1
        assert all(target <= size <= target + 2 * one[0].bytes for size in sizes[:-1])

    @pytest.mark.parametrize("target", [1, EVENT_BYTES, 2 * EVENT_BYTES + 5, 5 * EVENT_BYTES])
    def test_no_more_than_the_target_is_held(self, target, tmp_path, monkeypatch):
        peaks = defaultdict(int)
        write = Buffered.write

        def watched(self, rows, cells):
            write(self, rows, cells)
            for dataset, frames in self._held.items():
                peaks[dataset] = max(peaks[dataset], sum(f.estimated_size() for f in frames))

        monkeypatch.setattr(Buffered, "write", watched)
        output = written(tmp_path, self.SIZES, "buffered", target)
        assert peaks[EVENTS] == max(self.EVENT_BYTES, target // self.EVENT_BYTES * self.EVENT_BYTES)
        assert max(peaks.values()) <= max(self.EVENT_BYTES, target)
        assert len(paths_of(output, EVENTS)) == -(-8 // max(1, target // self.EVENT_BYTES))

    def test_the_others_hold_no_batch(self, tmp_path, monkeypatch):
        """What a writer has taken is on its way to the file, not in memory."""
        seen = []
        for name in ("per_batch", "row_group_append"):
            strategy = WRITERS[name]
            monkeypatch.setitem(
                WRITERS, name, lambda series, target, made=strategy: seen.append(made(series, target)) or seen[-1]
            )
            written(tmp_path / name, self.SIZES, name, 1 << 40)
        assert len(seen) == 2
        assert not any(isinstance(value, pl.DataFrame | list | dict) for w in seen for value in vars(w).values())

    def test_a_row_group_of_many_batches_stays_dictionary_encoded(self, tmp_path):
        (path,) = paths_of(written(tmp_path, self.SIZES, "buffered", 1 << 40, cases=False), FLOWS)
        meta = pq.ParquetFile(path).metadata
        assert meta.num_row_groups == 1
        kind = next(c for c in map(meta.row_group(0).column, range(3)) if c.path_in_schema == "kind")
        assert "RLE_DICTIONARY" in kind.encodings
        assert kind.total_compressed_size < 8000 / 2


def test_an_unfinished_sink_lets_go(tmp_path):
    axes = Axes("f" * 64, "p" * 64, 42, "baseline_v1")
    for number, writer in enumerate(WRITERS):
        output = StateOutput(tmp_path / str(number), "S2", axes, "snappy", Meter(), Writing(writer, 1 << 40))
        output.sink(0).emit(batch_of(0, 100), (0, 0))
        output.abandon()


def test_names_sort_as_tasks_and_their_parts_do(tmp_path):
    output = written(tmp_path, [30] * 30, "per_batch", 1, tasks=3)
    names = [part.name for part in output.datasets["flows"].parts]
    assert names == sorted(names) == [f"part-{t:05d}-{k:05d}.parquet" for t in range(3) for k in range(10)]
    ids = [read_parts([path])["id"][0] for path in paths_of(output, FLOWS)]
    assert all(a < b for a, b in pairwise(ids))
