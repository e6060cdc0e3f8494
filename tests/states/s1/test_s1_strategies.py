"""One contract, every strategy: equal rows in any world and at any cut, and the costs that the docstrings tell."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import get_args

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seg6b.draws.uniform import Draws
from seg6b.errors import ContractBroken
from seg6b.evidence.tables import Evidence
from seg6b.runs.meter import Meter
from seg6b.settings import schema
from seg6b.settings.knobs import Attach, Sessions
from seg6b.shards.cells import CELLS
from seg6b.states.s1_attach import index, shards
from seg6b.states.s1_attach.attach import csr_gather, dict_map, gathered, list_gather
from seg6b.states.s1_attach.attach.contract import Law
from seg6b.states.s1_attach.attach.strategies import STRATEGIES as ATTACH
from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import Rows, link_keys
from seg6b.states.s1_attach.published import Chosen
from seg6b.states.s1_attach.sessions import two_pass
from seg6b.states.s1_attach.sessions.contract import Members
from seg6b.states.s1_attach.sessions.strategies import STRATEGIES as SESSIONS
from seg6b.states.s1_attach.weights import UNIFORM_DEVICE, Weights

from .conftest import Zoo, attach, load_pack, load_packs
from .test_s1_invariance import same

# Most of 256 shards are empty, and parties are spread over many batches of each task.
CUT = {"batch_rows": 333, "shards": 256, "threads": 2}
KEYS = link_keys(Draws("a" * 64, 42, "baseline_v1"))


def test_the_knobs_name_every_strategy():
    assert list(ATTACH) == list(get_args(Attach)) == [e.value for e in schema.Attach]
    assert list(SESSIONS) == list(get_args(Sessions)) == [e.value for e in schema.Sessions]
    assert len(set(ATTACH.values())) == len(ATTACH)
    assert len(set(SESSIONS.values())) == len(SESSIONS)


def offsets(rng, owners, least, most):
    return np.concatenate([[0], np.cumsum(rng(owners, most - least + 1) + least)]).astype(np.int32)


def numbers(seed):
    """`numbers(seed)(size, below)`: integers, another stream at each call."""
    draws, calls = Draws("b" * 64, seed, "made"), iter(range(10_000))

    def rng(size, below):
        u = draws.uniform("made", str(next(calls)), np.arange(size, dtype=np.uint64) << np.uint64(16))
        return (u * below).astype(np.int64)

    return rng


def a_world(seed, parties=6, merchants=3, fewest_accounts=1):
    """Candidates, law and arrivals of a world made of integers: owners without instruments, merchants without terminals."""
    rng = numbers(seed)
    account_at = offsets(rng, parties, fewest_accounts, 4)
    accounts = int(account_at[-1])
    instrument_at = offsets(rng, accounts, 0, 4)
    device_at, terminal_at = offsets(rng, parties, 1, 3), offsets(rng, merchants, 0, 5)
    devices = 7
    ip_at = offsets(rng, devices, 1, 5)
    instruments, ips = int(instrument_at[-1]), int(ip_at[-1])
    own = np.diff(device_at)

    def shares(size):
        return (rng(size, 9) + 1) / 10.0

    def codes(size, below):
        return rng(size, below).astype(np.int32)

    ip_group = codes(ips, 5)
    held = Held(
        account_at=account_at,
        account_id=np.arange(accounts) + 100,
        account_group=np.stack([codes(accounts, 5), codes(accounts, 4)]),
        account_share=np.stack([shares(accounts), shares(accounts)]),
        instrument_at=instrument_at,
        instrument_id=np.arange(instruments) + 200,
        instrument_kind=codes(instruments, 5),
        instrument_share=shares(instruments),
        device_at=device_at,
        device=codes(int(device_at[-1]), devices),
        main_device=np.where(rng(parties, 3) > 0, rng(parties, 100) % own, -1).astype(np.int32),
        terminal_at=terminal_at,
        terminal=codes(int(terminal_at[-1]), devices),
        device_id=np.arange(devices) + 300,
        ip_at=ip_at,
        ip_id=np.arange(ips) + 400,
        ip_group=ip_group,
        ip_share=shares(ips),
        ip_groups=np.bitwise_or.reduceat(1 << ip_group, ip_at[:-1]).astype(np.int32),
        ip_type=codes(ips, 5),
    )
    sparse = np.where(rng(75, 4) > 0, shares(75), 0.0).reshape(15, 5)
    weights = Weights(
        account=np.concatenate([shares(60).reshape(15, 4), np.zeros((15, 1))], axis=1),
        instrument=sparse,
        primary=np.where(rng(15, 4) > 0, shares(15), UNIFORM_DEVICE).reshape(3, 5),
        terminal=np.where(rng(15, 2) > 0, shares(15) * 0.9, 0.0).reshape(3, 5),
        ip=shares(480 * 5).reshape(480, 5),
        p_home=np.zeros((17, 5)),
    )
    return held, Law(weights, KEYS, rng(5, 3) > 0)


def arrivals(seed, size, held):
    rng = numbers(seed + 1)
    merchant = rng(size, held.terminal_at.size - 1).astype(np.int32)
    return Rows(
        party=np.sort(rng(size, held.account_at.size - 1)).astype(np.int32),
        merchant=merchant,
        merchant_id=merchant.astype(np.int64) + 500,
        seq=np.arange(size),
        channel=rng(size, 5).astype(np.uint8),
        family=rng(size, 3).astype(np.int32),
        cell=rng(size, CELLS).astype(np.uint8),
    )


def sliced(rows, start, stop):
    return Rows(*(column[start:stop] for column in rows))


@pytest.mark.parametrize("strategy", ATTACH)
class TestEveryAttachment:
    @settings(max_examples=30, deadline=None)
    @given(
        seed=st.integers(0, 2**31),
        size=st.integers(0, 200),
        parties=st.integers(1, 9),
        merchants=st.integers(1, 4),
        fewest=st.sampled_from([0, 1, 1, 1]),
    )
    def test_links_any_world_alike(self, strategy, seed, size, parties, merchants, fewest):
        held, law = a_world(seed, parties, merchants, fewest)
        rows = arrivals(seed, size, held)
        expected, found = (ATTACH[name](held, law)(rows) for name in ("csr_gather", strategy))
        assert (found.lost < 0) == (expected.lost < 0)
        if expected.lost < 0:
            for one, other in zip(found.links, expected.links, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == np.int32
            np.testing.assert_array_equal(found.drawn, expected.drawn)

    def test_links_a_batch_as_its_pieces(self, strategy):
        held, law = a_world(3)
        link, rows = ATTACH[strategy](held, law._replace(optional=np.ones(5, np.bool_))), arrivals(3, 500, held)
        whole, edges = link(rows), (0, 1, 1, 200, 500)
        pieces = [link(sliced(rows, *edge)) for edge in pairwise(edges)]
        for name in whole.links._fields:
            parts = [getattr(piece.links, name) for piece in pieces]
            np.testing.assert_array_equal(np.concatenate(parts), getattr(whole.links, name))
        np.testing.assert_array_equal(sum(piece.drawn for piece in pieces), whole.drawn)

    def test_tells_of_a_row_without_a_candidate(self, strategy):
        held, law = a_world(5)
        rows = arrivals(5, 50, held)
        nobody = held._replace(account_group=np.full_like(held.account_group, 4))
        bare = law.weights._replace(instrument=np.zeros((15, 5)))
        needed = law._replace(weights=bare, optional=np.zeros(5, np.bool_))
        assert ATTACH[strategy](nobody, law)(rows).lost == 0
        assert ATTACH[strategy](held, needed)(rows).lost == 0
        plan = SimpleNamespace(
            link=ATTACH[strategy](nobody, law), parties=SimpleNamespace(party_id=np.arange(6) + 900), held=nobody
        )
        with pytest.raises(ContractBroken, match=r"E_S1_NO_CANDIDATE: .*party_id 90\d, arrival_seq 0"):
            shards._link(plan, rows, Evidence())

    def test_publishes_the_same_whatever_the_cut(self, strategy, zoo_world, zoo_outcome, tmp_path):
        found = attach(zoo_world, tmp_path, attach=strategy, **CUT)
        assert found.digests == zoo_outcome.digests
        same(found.evidence, zoo_outcome.evidence)

    def test_publishes_odd_worlds_alike(self, strategy, odd_worlds, tmp_path):
        for name, (world, expected) in odd_worlds.items():
            assert attach(world, tmp_path / name, attach=strategy).digests == expected, name


@pytest.fixture(scope="module")
def odd_worlds(tmp_path_factory):
    """Worlds of one party, of one merchant with many terminals, and with accounts that have no instrument."""
    found = {}
    for name, parties, merchants in (("one_party", 1, 4), ("one_merchant", 9, 1), ("one_of_each", 1, 1)):
        zoo, root = Zoo(), tmp_path_factory.mktemp(name)
        for k in range(parties):
            zoo.rich_party(100 + k)
            zoo.account(100 + k, instruments=())
        for m in range(merchants):
            zoo.merchant(500 + m, terminals=20 * (m % 2 == 0), mcc=(5411, 4829)[m % 2])
            for seq in range(40):
                zoo.arrival(500 + m, seq + 1, 4_000.0 * seq + m)
        world = zoo.seal(root)
        found[name] = (world, attach(world, root).digests)
    return found


@pytest.mark.parametrize("strategy", SESSIONS)
class TestEveryIndex:
    @pytest.mark.parametrize("variant", ["full", "lean", "historical"])
    def test_publishes_the_same_whatever_the_cut(self, strategy, variant, zoo_world, by_variant, tmp_path):
        packs, expected = by_variant[variant]
        found = attach(zoo_world, tmp_path, packs, sessions=strategy, **CUT)
        assert found.digests == expected.digests
        assert found.sessions.equals(expected.sessions)
        same(found.evidence, expected.evidence)
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_gives_nothing_for_nothing(self, strategy, tmp_path):
        assert list(SESSIONS[strategy]([], tmp_path / "none", Meter())) == []
        assert list(tmp_path.iterdir()) == []

    @settings(max_examples=15, deadline=None)
    @given(seed=st.integers(0, 2**31), sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4))
    def test_sums_any_members_up_alike(self, strategy, tmp_path_factory, seed, sizes):
        batches = [members(seed + k, size) for k, size in enumerate(sizes)]
        folder = tmp_path_factory.mktemp("members") / "task"
        found = list(SESSIONS[strategy](iter(batches), folder, Meter()))
        assert len(found) == len(sizes)
        for frame, batch in zip(found, batches, strict=True):
            assert frame.equals(index.session_index(*batch))
        assert not folder.exists()


@pytest.fixture(scope="module")
def by_variant(zoo_world, tmp_path_factory):
    """Packs and S1's outcome by variant of the session law, at the default knobs."""
    packs = {name: load_packs(session=load_pack("session", name)) for name in ("full", "lean", "historical")}
    return {name: (held, attach(zoo_world, tmp_path_factory.mktemp(name), held)) for name, held in packs.items()}


def members(seed, size):
    """A batch in which the members of a session are not adjacent, nor sessions in the order of their ids."""
    rng = numbers(seed)
    session = rng(size, 1 + size // 3)
    order = np.argsort(session, kind="stable")
    starts = np.concatenate([np.flatnonzero(np.diff(session[order], prepend=-1)), [size]])
    count = starts.size - 1

    def ids(below):
        return rng(size, below) + 1

    device, channel, cell = ids(3), rng(size, 5).astype(np.uint8), np.zeros(size, np.uint8)
    visits = Visits(ids(4), np.sort(rng(size, 10**9)), ids(3), np.arange(size), device, channel, cell)
    chosen = Chosen(account_id=ids(3), instrument_id=ids(4) - 1, device_id=device, ip_id=ids(3))
    session_id = rng(count, 2**40) * 2**20 + np.arange(count)
    return Members(Cut(order, starts, rng(count, 7).astype(np.int8), session_id), visits, chosen)


def test_a_second_pass_begins_when_the_first_is_over(tmp_path):
    """Every batch lies on the disk before the first is summed up, and each file goes when it was read."""
    folder, given_out = tmp_path / "task", (members(k, 30) for k in range(3))
    left = [len(list(folder.iterdir())) for _ in two_pass.consolidate(given_out, folder, Meter())]
    assert left == [2, 1, 0]
    assert next(given_out, None) is None


def test_a_state_that_fails_in_its_first_pass_leaves_files_in_the_folder_of_its_task_alone(tmp_path):
    def batches():
        yield members(1, 30)
        raise ContractBroken("E_TEST", "", "", "", "", "")

    with pytest.raises(ContractBroken, match="E_TEST"):
        list(two_pass.consolidate(batches(), tmp_path / "task", Meter()))
    assert [path.name for path in tmp_path.rglob("*")] == ["task", "members-00000.arrow"]


@pytest.mark.parametrize("buckets", [1, 3, 64])
def test_the_number_of_buckets_moves_nothing(buckets, tmp_path, monkeypatch):
    batch = members(8, 400)
    monkeypatch.setattr(two_pass, "BUCKETS", buckets)
    (found,) = two_pass.consolidate([batch], tmp_path / "task", Meter())
    assert found.equals(index.session_index(*batch))


class Costs:
    """Joins, sorts of frames, sorts for distinct owners, and gathers of lists, while it is entered."""

    def __enter__(self):
        self.told = dict.fromkeys(("join", "sort", "unique", "gather"), 0)
        self._patch = pytest.MonkeyPatch()
        for place, name, what in (
            (pl.DataFrame, "join", "join"),
            (pl.DataFrame, "sort", "sort"),
            (dict_map.np, "unique", "unique"),
            (list_gather, "_gathered", "gather"),
            (list_gather, "_at", "gather"),
        ):
            self._patch.setattr(place, name, self._counting(getattr(place, name), what))
        return self.told

    def _counting(self, function, what):
        def counted(*args, **kwargs):
            self.told[what] += 1
            return function(*args, **kwargs)

        return counted

    def __exit__(self, *_):
        self._patch.undo()


def test_joins_sorts_and_gathers_are_as_the_docstrings_say():
    held, law = a_world(11, parties=40)
    rows, found = arrivals(11, 2_000, held), {}
    law = law._replace(optional=np.ones(5, np.bool_))
    for name, prepare in ATTACH.items():
        link = prepare(held, law)
        with Costs() as told:
            assert link(rows).lost == -1
        found[name] = tuple(told.values())
    assert found == {
        "join_chain": (10, 0, 0, 0),
        "list_gather": (0, 0, 0, 7),
        "dict_map": (0, 0, 7, 0),
        "csr_gather": (0, 0, 0, 0),
    }


def test_files_and_sorts_of_the_second_pass_are_as_the_docstring_says(tmp_path, monkeypatch):
    batch, written, write = members(9, 20_000), [], pl.DataFrame.write_ipc

    def writing(frame, path):
        write(frame, path)
        written.append(path.stat().st_size / frame.height)

    monkeypatch.setattr(pl.DataFrame, "write_ipc", writing)
    found = {}
    for name, strategy in SESSIONS.items():
        with Costs() as told:
            list(strategy([batch], tmp_path / "task", Meter()))
        found[name] = (told["join"], told["sort"], len(written))
    assert found == {"two_pass": (0, 2, 1), "bucketed": (0, 0, 1)}
    assert written == [pytest.approx(70, abs=0.5)]


def test_no_strategy_compiles_a_kernel_anew(zoo_world, tmp_path):
    """A timed repeat is a new process: what it compiled would be charged to its strategy."""
    kernels = gathered._choose_all, gathered._place_devices, csr_gather.link_all, index.dominant
    for name in ("join_chain", "csr_gather"):
        attach(zoo_world, tmp_path / name, attach=name)
    before = [len(kernel.signatures) for kernel in kernels]
    for name in ("list_gather", "dict_map"):
        attach(zoo_world, tmp_path / name, attach=name, sessions="two_pass")
    assert [len(kernel.signatures) for kernel in kernels] == before
