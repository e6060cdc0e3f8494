"""Every strategy of `s4.timeline` gives the same rows in the same order, and costs what its docstring says."""

from __future__ import annotations

import tracemalloc
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.datasets.tables import CASES
from seg6b.datasets.vocabulary import CASE_KEY_TYPES, CASE_TYPES, DELAY_MODELS
from seg6b.settings import schema
from seg6b.settings.knobs import Timeline
from seg6b.states.s4_labels import state
from seg6b.states.s4_labels.case_book import STEPS, CaseBook
from seg6b.states.s4_labels.flows import NEVER
from seg6b.states.s4_labels.timeline.contract import tell_cases
from seg6b.states.s4_labels.timeline.strategies import STRATEGIES
from tests.states.s4.executed import executed
from tests.states.s4.odd import ODD


@pytest.fixture(scope="module")
def book_of(labelled):
    """`book_of(flows)`: the book of their cases and the ids of the flows, as a strategy gets them."""

    def catch(flows, **how):
        caught = []

        def spy(strategy, *told):
            caught.append(told)
            return tell_cases(strategy, *told)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(state, "tell_cases", spy)
            labelled(flows, **how)
        return caught[0]

    return catch


@st.composite
def books(draw, flows=9):
    """Any book, sound or not: steps happen or not, stamps tie and run backwards, ids come in any order."""
    cases = draw(st.integers(0, 7))

    def column(of, *shape):
        size = int(np.prod([cases, *shape]))
        return np.array(draw(st.lists(of, min_size=size, max_size=size))).reshape(cases, *shape)

    def codes(names, *shape, least=0):
        return column(st.integers(least, len(names) - 1), *shape).astype(np.int32)

    return CaseBook(
        row=np.empty(0, np.int64),
        case_of=np.empty(0, np.int64),
        case_id=np.array(draw(st.permutations(range(cases))), np.int64),
        key_type=codes(CASE_KEY_TYPES),
        key=column(st.integers(-3, 3)).astype(np.int64),
        case_type=codes(CASE_TYPES),
        n_flows=column(st.integers(1, 9)).astype(np.int32),
        reopened=column(st.booleans()).astype(np.bool_),
        close_ms=np.zeros(cases, np.int64),
        stamp=column(st.sampled_from([NEVER, 0, 1, 10**15]), STEPS).astype(np.int64),
        by_row=column(st.integers(0, flows - 1), STEPS).astype(np.int64),
        law=codes(DELAY_MODELS, STEPS, least=-1),
        slots=draw(st.booleans()),
    )


def told_alike(book, flow_id):
    """The rows, after every strategy has told the same."""
    first, *others = (tell_cases(strategy, book, flow_id) for strategy in STRATEGIES.values())
    for other in others:
        assert other.equals(first)
        assert other.schema == first.schema
    return first


def test_the_knob_names_every_strategy():
    assert list(STRATEGIES) == list(get_args(Timeline)) == [e.value for e in schema.Timeline]
    assert len(set(STRATEGIES.values())) == len(STRATEGIES)


@given(books())
def test_any_book_is_told_alike_event_by_event(book):
    rows = told_alike(book, np.arange(100, 109))
    expected = [
        (int(book.case_id[case]), step if book.slots else number, 100 + int(book.by_row[case, step]))
        for case in range(book.case_id.size)
        for number, step in enumerate(np.flatnonzero(book.stamp[case] != NEVER))
    ]
    assert rows.select("case_id", "case_event_seq", "flow_id").rows() == expected


@pytest.mark.parametrize("variant", ["full", "lean"])
@pytest.mark.parametrize("odd", ODD)
def test_odd_worlds_are_told_alike(odd, variant, book_of, made):
    rows = told_alike(*book_of(made.order(*made.frames(ODD[odd])), variant=variant))
    assert rows.columns == list(CASES.names)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_same_is_published_whatever_the_cut(strategy, made, tmp_path, roomy):
    flows = made.many(300, parties=12)
    ways = [{}, {"batch_rows": 1}, {"batch_rows": 97, "threads": 2, "cuts": (0.1, 0.3, 0.8)}]
    digests = [
        executed(flows, tmp_path / str(k), roomy, timeline=name, **way).datasets[CASES.name].digest
        for k, (name, way) in enumerate([("long_form", {}), *((strategy, way) for way in ways)])
    ]
    assert digests == [digests[0]] * 4
    assert digests[0].rows > 50


class Costs:
    """Filters, concatenated frames and sorts of Polars while it is entered, their bytes, and NumPy's at the peak."""

    def __init__(self):
        self.filters = self.pieces = self.sorts = self.filtered = self.sorted = self.peak = 0

    def __enter__(self):
        self._patch = pytest.MonkeyPatch()
        kept, joined, ordered = pl.DataFrame.filter, pl.concat, pl.DataFrame.sort

        def filtered(frame, *by):
            self.filters += 1
            self.filtered += frame.estimated_size()
            return kept(frame, *by)

        def concatenated(frames):
            self.pieces += len(frames)
            return joined(frames)

        def sorted_by(frame, *by):
            self.sorts += 1
            self.sorted += frame.estimated_size()
            return ordered(frame, *by)

        self._patch.setattr(pl.DataFrame, "filter", filtered)
        self._patch.setattr(pl, "concat", concatenated)
        self._patch.setattr(pl.DataFrame, "sort", sorted_by)
        tracemalloc.start()
        return self

    def __exit__(self, *_):
        self.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        self._patch.undo()


def test_costs_are_as_the_docstrings_say(book_of, made):
    book, flow_id = book_of(made.many(12_000))
    found = {}
    for name, strategy in STRATEGIES.items():
        with Costs() as found[name]:
            rows = tell_cases(strategy, book, flow_id)
    assert {n: (c.filters, c.pieces, c.sorts) for n, c in found.items()} == {
        "filter_concat": (STEPS, STEPS, 1),
        "long_form": (0, 0, 0),
    }
    events, cases = rows.height, book.case_id.size
    costly = found["filter_concat"]
    assert (costly.filtered / STEPS / cases, costly.sorted / events) == (
        pytest.approx(47, abs=1),
        pytest.approx(48, abs=1),
    )
    assert rows.estimated_size() / events == pytest.approx(44, abs=1)
    assert {n: c.peak / events for n, c in found.items()} == {
        "filter_concat": pytest.approx(16, abs=4),
        "long_form": pytest.approx(55, abs=8),
    }
