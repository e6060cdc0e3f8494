"""Every strategy of `s4.event_labels` and `s4.columns` gives the same rows, and costs what its docstring says."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seg6b.datasets.digest import content_digest
from seg6b.datasets.parts import read_parts
from seg6b.datasets.tables import OUTPUTS
from seg6b.draws import mix
from seg6b.errors import ContractBroken
from seg6b.evidence.measure_s4 import MEASURES
from seg6b.settings import schema
from seg6b.settings.knobs import Columns, EventLabels, StateKnobs
from seg6b.states.s4_labels import odds, outcomes, state, truth
from seg6b.states.s4_labels.columns import COLUMNS
from seg6b.states.s4_labels.event_labels import carry
from seg6b.states.s4_labels.event_labels.contract import label_events
from seg6b.states.s4_labels.event_labels.strategies import STRATEGIES
from tests.states.s4.executed import executed
from tests.states.s4.odd import ODD


@pytest.fixture(scope="module")
def digests(labelled):
    """`digests(flows, "carry")`: digest of every dataset, and the draws told."""

    def run(flows, strategy, **how):
        done = labelled(flows, knobs=StateKnobs(event_labels=strategy), **how)
        return {name: content_digest(frame) for name, frame in done.frames.items()}, done.draws.table("draws")

    return run


@pytest.fixture(scope="module")
def given_to(labelled):
    """`given_to(flows)`: events and labelled flows, as a strategy gets them."""

    def catch(flows):
        caught = []

        def spy(strategy, events, known):
            caught.append((events, known))
            return label_events(strategy, events, known)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(state, "label_events", spy)
            labelled(flows)
        return caught[0]

    return catch


@pytest.fixture(scope="module")
def flows(made):
    return made.many(2500, parties=80)


@pytest.fixture(scope="module")
def reference(flows, tmp_path_factory, roomy):
    return executed(flows, tmp_path_factory.mktemp("reference"), roomy)


def test_the_knob_names_every_strategy():
    assert list(STRATEGIES) == list(get_args(EventLabels)) == [e.value for e in schema.EventLabels]
    assert list(COLUMNS) == list(get_args(Columns)) == [e.value for e in schema.Columns]
    assert len(set(STRATEGIES.values())) == len(STRATEGIES)


@pytest.mark.parametrize("strategy", STRATEGIES)
class TestEveryStrategy:
    @pytest.mark.parametrize("variant", ["full", "lean"])
    def test_labels_a_varied_population_alike(self, strategy, variant, digests, made):
        flows = made.many(4000)
        rows, draws = digests(flows, strategy, variant=variant)
        expected, drawn = digests(flows, "fused", variant=variant)
        assert rows == expected
        assert draws.equals(drawn)

    @pytest.mark.parametrize("odd", ODD)
    @pytest.mark.parametrize("seed", [1, 2])
    def test_labels_odd_worlds_alike(self, strategy, odd, seed, digests, made):
        flows = made.order(*made.frames(ODD[odd]))
        assert digests(flows, strategy, seed=seed)[0] == digests(flows, "fused", seed=seed)[0]

    def test_labels_nothing_where_nothing_is(self, strategy, given_to):
        events, known = given_to([])
        rows = label_events(STRATEGIES[strategy], events, known)
        assert rows.height == 0
        assert rows.schema == label_events(STRATEGIES["fused"], events, known).schema

    @pytest.mark.parametrize(
        "how",
        [{"batch_rows": 1}, {"batch_rows": 397, "threads": 2}, {"cuts": tuple(i / 8 for i in range(8)), "threads": 2}],
        ids=["a_party_a_batch", "small_batches", "parts"],
    )
    def test_publishes_the_same_whatever_the_cut(self, strategy, how, flows, reference, tmp_path, roomy):
        other = executed(flows, tmp_path, roomy, event_labels=strategy, **how)
        assert [other.datasets[d.name].digest for d in OUTPUTS["S4"]] == [
            reference.datasets[d.name].digest for d in OUTPUTS["S4"]
        ]
        for name in (*MEASURES, "draws"):
            assert other.evidence().table(name).equals(reference.evidence().table(name)), name

    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(size=st.integers(1, 120), parties=st.integers(1, 12), seed=st.integers(0, 2**31))
    def test_labels_any_world_alike(self, strategy, digests, made, size, parties, seed):
        flows = made.many(size, parties=parties, seed=seed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(carry, "LANE_ROWS", 16)
            assert digests(flows, strategy, seed=seed)[0] == digests(flows, "fused", seed=seed)[0]

    def test_refuses_an_event_of_no_flow(self, strategy, labelled, made):
        anchor, follower = made.frames([{}, {"at": 9.0}])
        torn = follower.with_columns(flow_id=follower["flow_id"].replace(1001, 5555))
        with pytest.raises(
            ContractBroken, match=r"E_S4_EVENT_WITHOUT_FLOW_LABEL: .*flow_id 5555.*(of another flow|without a flow)"
        ):
            labelled((anchor, torn), knobs=StateKnobs(event_labels=strategy))

    @pytest.mark.parametrize(("rows", "words"), [(5, "1 too few"), (7, "1 too many"), (0, "flow_id none.*6 too few")])
    def test_refuses_events_too_few_or_too_many(self, strategy, rows, words, labelled, made):
        anchor, follower = made.frames([{}, {"at": 9.0}])
        torn = pl.concat([follower, follower])[:rows]
        with pytest.raises(ContractBroken, match=rf"E_S4_EVENT_WITHOUT_FLOW_LABEL: .*{words}"):
            labelled((anchor, torn), knobs=StateKnobs(event_labels=strategy))


def test_flow_join_says_how_many_events_a_gap_has(labelled, made):
    anchor, follower = made.frames([{}, {"at": 9.0}])
    torn = follower.with_columns(flow_id=follower["flow_id"].replace(1001, 5555))
    with pytest.raises(ContractBroken, match=r"flow_id 5555.*3 events without a flow label"):
        labelled((anchor, torn), knobs=StateKnobs(event_labels="flow_join"))


@pytest.mark.parametrize("strategy", ["carry", "flow_join"])
def test_joins_do_not_need_the_order_of_the_flows(strategy, given_to, made):
    events, known = given_to(made.many(1500))
    told = label_events(STRATEGIES[strategy], events, known)
    mixed = label_events(STRATEGIES[strategy], events.reverse(), known)
    assert mixed.reverse().equals(told)


class Costs:
    """Joins, sorts, and rows whose truth was decided, while it is entered."""

    def __init__(self, known):
        self.joins = self.sorts = self.decided = 0
        self.joined_bytes = 0
        self._relabel = known.relabel

    def relabel(self, rows):
        self.decided += rows.flow_id.size
        return self._relabel(rows)

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        join, sort = pl.DataFrame.join, pl.DataFrame.sort

        def joined(frame, other, **how):
            self.joins += 1
            found = join(frame, other, **how)
            self.joined_bytes += found.estimated_size() - frame.estimated_size()
            return found

        def ordered(frame, *by, **how):
            self.sorts += 1
            return sort(frame, *by, **how)

        self._patch.setattr(pl.DataFrame, "join", joined)
        self._patch.setattr(pl.DataFrame, "sort", ordered)
        return self

    def __exit__(self, *_):
        self._patch.undo()


def cost_of(strategy, events, known):
    costs = Costs(known)
    watched = replace(known, relabel=costs.relabel)
    with costs:
        label_events(STRATEGIES[strategy], events, watched)
    return costs


def test_joins_sorts_and_evaluations_are_as_the_docstrings_say(given_to, made, monkeypatch):
    monkeypatch.setattr(carry, "LANE_ROWS", 1000)
    events, known = given_to(made.many(6000))
    found = {name: cost_of(name, events, known) for name in STRATEGIES}
    assert {n: (c.joins, c.sorts, c.decided) for n, c in found.items()} == {
        "recompute": (0, 0, events.height),
        "carry": (6 + 1, 1, 0),
        "flow_join": (1, 0, 0),
        "fused": (0, 0, 0),
    }
    assert 40 < found["flow_join"].joined_bytes / events.height < 45


@pytest.mark.parametrize(
    ("knob", "flow_b", "event_b"),
    [("all", (251, 73), (63, 22)), ("pruned", (103, 43), (21, 12))],
    ids=["all", "pruned"],
)
def test_columns_read_the_bytes_that_the_docstring_says(knob, flow_b, event_b, tiny_run):
    reads = COLUMNS[knob]
    for dataset, columns, told in (
        (reads.anchor, reads.anchor_columns, flow_b),
        (reads.follower, reads.follower_columns, event_b),
    ):
        paths = sorted((tiny_run / "data").rglob(f"{dataset.name}/**/*.parquet"))
        frame = read_parts(paths, columns)
        assert (frame.estimated_size() / frame.height, _stored(paths, columns) / frame.height) == (
            pytest.approx(told[0], rel=0.05),
            pytest.approx(told[1], rel=0.15),
        )


def _stored(paths, columns):
    """Compressed bytes of the columns."""
    files = [pq.ParquetFile(path).metadata for path in paths]
    groups = [file.row_group(k) for file in files for k in range(file.num_row_groups)]
    chunks = [group.column(c) for group in groups for c in range(group.num_columns)]
    return sum(chunk.total_compressed_size for chunk in chunks if chunk.path_in_schema in columns)


def test_no_strategy_compiles_a_kernel_anew(given_to, made):
    """A timed repeat is a new process: what it compiled would be charged to its strategy."""
    events, known = given_to(made.many(500))
    kernels = truth._decide, odds._grade, outcomes._draw, mix.entities1
    before = [kernel.signatures for kernel in kernels]
    for strategy in STRATEGIES.values():
        label_events(strategy, events, known)
    assert [kernel.signatures for kernel in kernels] == before


def test_arrays_at_event_grain_are_as_the_docstrings_say(given_to, made):
    """NumPy's own bytes at the peak, an event; Polars' are its own."""
    events, known = given_to(made.many(30_000))
    peak = {}
    for name in STRATEGIES:
        tracemalloc.start()
        label_events(STRATEGIES[name], events, known)
        peak[name] = tracemalloc.get_traced_memory()[1] / events.height
        tracemalloc.stop()
    for less, more in pairwise(("flow_join", "fused", "recompute")):
        assert peak[less] < peak[more]
    assert 150 < peak["recompute"] < 250
    assert peak["fused"] < 40
