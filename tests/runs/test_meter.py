"""The meter under clocks that a test turns: every nanosecond is charged once, on any number of threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seg6b.runs.meter import LANES, SPLIT, Meter, Metered, split_of
from seg6b.shards.executor import Threads

SECOND = 10**9


class Clocks:
    """Wall and CPU clocks that stand still until they are told to go on."""

    def __init__(self):
        self.wall = self.cpu = 0

    def go(self, wall, cpu):
        self.wall += wall
        self.cpu += cpu

    def meter(self):
        return Meter(lambda: self.wall, lambda: self.cpu)


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def threads():
    """`thread.submit(f).result()` runs `f` in a thread of its own, here and now."""
    with ExitStack() as stack:
        yield [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]


def seconds(**charged):
    return {"total": float(sum(charged.values()))} | dict.fromkeys(SPLIT, 0.0) | charged


def test_time_in_no_lane_is_residual(clocks):
    meter = clocks.meter()
    clocks.go(2 * SECOND, SECOND)
    with meter.lane("input"):
        clocks.go(3 * SECOND, 5 * SECOND)
    clocks.go(SECOND, 0)
    found = meter.decomposed()
    assert found.wall_s == seconds(input=3.0, residual=3.0)
    assert found.cpu_s == seconds(input=5.0, residual=1.0)


def test_the_inner_lane_is_charged_and_then_the_outer_one_again(clocks):
    meter = clocks.meter()
    with meter.lane("validate"):
        clocks.go(SECOND, 0)
        with meter.lane("input"):
            clocks.go(2 * SECOND, 0)
            with meter.lane(None):
                clocks.go(4 * SECOND, 0)
        clocks.go(8 * SECOND, 0)
    assert meter.decomposed().wall_s == seconds(validate=9.0, input=2.0, residual=4.0)


def test_a_lane_is_left_when_its_work_fails(clocks):
    meter = clocks.meter()

    def fail():
        with meter.lane("write"):
            clocks.go(SECOND, SECOND)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    clocks.go(2 * SECOND, 0)
    assert meter.current is None
    assert meter.decomposed().wall_s == seconds(write=1.0, residual=2.0)


def test_threads_share_an_instant_and_the_cpu_of_a_librarys_pool(clocks, threads):
    """Two compute and one writes: a third of the wall time each, and of the CPU that other threads used meanwhile."""
    meter = clocks.meter()
    lanes = [meter.lane(name) for name in ("compute", "compute", "write")]
    for thread, lane in zip(threads, lanes, strict=True):
        thread.submit(lane.__enter__).result()
    clocks.go(6 * SECOND, 24 * SECOND)
    threads[0].submit(lanes[0].__exit__, None, None, None).result()
    clocks.go(2 * SECOND, 2 * SECOND)
    found = meter.decomposed()
    assert found.wall_s == seconds(compute=5.0, write=3.0)
    assert found.cpu_s == seconds(compute=17.0, write=9.0)


def test_tasks_begin_in_the_lane_that_hands_them_out_and_who_waits_is_in_none(clocks):
    meter = clocks.meter()
    executor, met = Metered(Threads(2), meter), threading.Barrier(2, timeout=10)

    def task(number):
        before = meter.current
        with meter.lane("write"):
            met.wait()
            if number:
                clocks.go(4 * SECOND, 4 * SECOND)
            met.wait()
        return before

    with meter.lane("validate"):
        clocks.go(SECOND, SECOND)
        assert executor.map(task, [0, 1]) == ["validate", "validate"]
        assert meter.current == "validate"
    assert executor.workers == 2
    assert meter.decomposed().wall_s == seconds(validate=1.0, write=4.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_without_a_lane_tasks_begin_in_none(workers):
    meter = Meter()
    assert Metered(Threads(workers), meter).map(lambda _: meter.current, [1, 2, 3]) == [None] * 3


STEP = st.tuples(st.integers(0, 2), st.sampled_from([*LANES, None]), st.integers(0, 10**7), st.integers(0, 10**7))


@given(st.lists(STEP, max_size=30))
def test_parts_make_up_the_whole_and_never_shrink(steps):
    """Whatever three threads do: after each step, parts are those of the sum of all spans, and none was taken back."""
    clocks = Clocks()
    meter, stacks, before = clocks.meter(), [ExitStack() for _ in range(3)], dict.fromkeys(SPLIT, 0.0)
    with ExitStack() as stack:
        pool = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]
        for thread, name, wall, cpu in steps:
            if name is None:
                pool[thread].submit(stacks[thread].close).result()
            else:
                pool[thread].submit(stacks[thread].enter_context, meter.lane(name)).result()
            clocks.go(wall, cpu)
            for told, clock in zip(meter.decomposed(), (clocks.wall, clocks.cpu), strict=True):
                whole = {part: round(told[part] * SECOND) for part in SPLIT}
                assert sum(whole.values()) == clock == round(told["total"] * SECOND)
            now = split_of(meter.decomposed().wall_s)
            assert all(now[part] >= before[part] for part in SPLIT)
            before = now


def test_real_threads_leave_no_time_uncharged():
    """Two threads that are always in a lane: nothing is residual but their start, and the whole is the wall time."""
    meter = Meter()

    def work(_):
        for name in LANES * 50:
            with meter.lane(name):
                sum(range(500))

    with meter.lane("compute"):
        Metered(Threads(2), meter).map(work, range(8))
    found = meter.decomposed()
    for told in found:
        assert sum(split_of(told).values()) == pytest.approx(told["total"], abs=1e-9)
        assert min(told.values()) >= 0.0
    assert all(found.wall_s[lane] > 0.0 for lane in LANES)
