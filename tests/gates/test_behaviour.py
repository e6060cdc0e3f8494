"""X1 to X5: worlds small enough to count by hand, and what labels dealt at random read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seg6b.evidence import behaviour as found
from seg6b.evidence.tables import Evidence, Measure
from seg6b.gates import behaviour as gates
from seg6b.gates.record import Scene
from seg6b.gates.result import Status
from seg6b.gates.thresholds import load_thresholds
from seg6b.shards.cells import CELLS, cell_of

V2 = load_thresholds(yaml.safe_load((Path(__file__).parents[2] / "conf" / "gates" / "v2.yaml").read_text()))
HOUR = found.HOUR_US
NOBODY = np.zeros(0, np.int64)


def scene(state, **tables):
    evidence = Evidence({name: (Measure(name, ("cell",)), table) for name, table in tables.items()})
    return Scene({state: evidence}, None, V2)


def party_of(cell, number):
    """A party id that is routed to `cell`."""
    candidates = np.arange(number * 4096, (number + 1) * 4096, dtype=np.int64)
    return int(candidates[cell_of(candidates) == cell][0])


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [([HOUR] * 30, -1000), ([1] * 29 + [10**12], 1000), ([HOUR] * 19, None)],
    ids=["a clock", "one burst", "too few"],
)
def test_burstiness_at_its_ends(gaps, expected):
    ts = np.cumsum([0, *gaps]).astype(np.int64)[::-1].copy()
    table = Evidence()
    found.measure_burstiness(table, np.full(ts.size, 7, np.int64), ts)
    values = table.table("burstiness")["b_milli"].to_list()
    assert values == ([] if expected is None else [expected])


def test_a_poisson_process_is_not_bursty():
    u = (np.argsort(np.sin(np.arange(1, 40_001) * 12.9898) * 43758.5453 % 1.0) + 0.5) / 40_000
    party = np.repeat(np.arange(1, 401), 100)
    table = Evidence()
    found.measure_burstiness(table, party, (np.sort(u.reshape(400, 100)).ravel() * 1e12).astype(np.int64))
    values = table.table("burstiness")
    assert abs((values["b_milli"] * values["n"]).sum() / values["n"].sum()) < 20


@pytest.mark.parametrize(
    ("value", "expected"), [(1, 0), (2, 1024), (3, 1536), (4, 2048), (1000, 10192), (2**27, 27648)]
)
def test_the_logarithm_is_exact_at_powers_of_two(value, expected):
    assert found.log2_of(value) == expected


@given(st.integers(1, 2**28))
def test_the_logarithm_is_close_and_grows(value):
    assert abs(found.log2_of(value) / found.LOG_ONE - np.log2(value)) < 0.09
    assert found.log2_of(value) <= found.log2_of(value + 1)


def test_velocity_counts_the_busiest_hour_of_an_instrument():
    minutes = [0, 30, 59, 130, 131, 500, 0, 600, 5]
    flows = pl.DataFrame(
        {
            "instrument_id": [1, 1, 1, 1, 1, 1, 2, 2, None],
            "ts_utc": pl.Series([m * 60_000_000 for m in minutes]).cast(pl.Datetime("us", "UTC")),
            "fraud_pattern_type": pl.Series(["NONE"] * 5 + ["CARD_TESTING"] + ["NONE"] * 3).cast(
                pl.Enum(found.PATTERNS)
            ),
        }
    )
    table = Evidence()
    found.measure_velocity(table, flows, np.zeros(flows.height, np.uint8))
    rows = table.table("velocity").sort("targeted").select("targeted", "flows", "peak", "n").rows()
    assert rows == [(False, 2, 1, 1), (True, 6, 3, 1)]


def test_velocity_is_held_against_instruments_as_busy():
    rows = [
        (c, t, f, p, n) for c in range(CELLS) for t, f, p, n in [(False, 5, 1, 9), (True, 5, 4, 1), (False, 9, 4, 9)]
    ]
    table = pl.DataFrame(rows, schema=["cell", "targeted", "flows", "peak", "n"], orient="row")
    reading = gates.velocity.read(scene("S3", velocity=table))
    assert (reading.value, reading.n, reading.lacking) == (3.0, CELLS, "")
    few = gates.velocity.read(scene("S3", velocity=table.filter(pl.col("cell") < 19)))
    assert "fewer than 20" in few.lacking


def flows_of(rows):
    """Flows from (party, device, ip, campaign)."""
    columns = ["party_id", "device_id", "ip_id", "campaign_id"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(columns[:3], pl.Int64) | {"campaign_id": pl.String}, orient="row")
    return frame.with_columns(flow_id=pl.int_range(pl.len()))


def test_origins_leave_out_terminals_and_open_ips():
    rows = [(1, 10, 20, "c"), (2, 10, 21, "c"), (3, 11, 20, "c")]
    table = found.origins(flows_of(rows), np.array([11]), np.array([21]))
    told = {
        (k, e): (n, own) for _, _, k, e, n, own in table.select("cell", "fraud", "kind", "entity", "n", "own").rows()
    }
    assert told == {("DEVICE", 10): (1, 1), ("IP", 20): (1, 1)} or set(told) == {("DEVICE", 10), ("IP", 20)}
    whole = table.group_by("kind", "entity").agg(pl.col("n").sum(), pl.col("own").sum()).sort("kind").rows()
    assert whole == [("DEVICE", 10, 2, 2), ("IP", 20, 2, 2)]


def test_two_flows_of_one_party_share_nothing():
    own = found.origins(flows_of([(1, 10, 20, "c"), (1, 10, 20, "c"), (2, 11, 21, "c")]), NOBODY, NOBODY)
    assert gates.in_common(own, "DEVICE", fraud=True)[0] == 0.0
    across = found.origins(flows_of([(1, 10, 20, "c"), (2, 10, 21, "c"), (3, 12, 22, "c")]), NOBODY, NOBODY)
    assert gates.in_common(across, "DEVICE", fraud=True)[0] == pytest.approx(2 / 6)


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 6)), min_size=2, max_size=60))
def test_leaving_a_cell_out_is_counting_without_it(pairs):
    table = found.origins(flows_of([(party, device, 1, "c") for party, device in pairs]), NOBODY, NOBODY)
    without = gates.in_common(table, "DEVICE", fraud=True)
    for cell in table["cell"].unique().to_list():
        rest = table.filter(pl.col("cell") != cell)
        if rest.filter(pl.col("kind") == "DEVICE").height:
            again = gates.in_common(rest, "DEVICE", fraud=True)[0]
            assert without[cell + 1] == pytest.approx(again, nan_ok=True)


def test_habit_is_all_or_nothing():
    def sums(values):
        flows = pl.DataFrame({"party_id": np.repeat(np.arange(len(values)), 4), "amount_minor": np.ravel(values)})
        flows = flows.with_columns(amount_family=pl.lit("PURCHASE", pl.Enum(found.AMOUNT_FAMILIES)))
        table = Evidence()
        found.measure_habit(table, flows, cell_of(flows["party_id"].to_numpy()))
        return table.table("habit").select(found.HABIT.sums).sum().to_numpy().astype(float)

    assert gates.intraclass(sums([[2**k] * 4 for k in range(1, 12)]))[0] == pytest.approx(1.0)
    alike = gates.intraclass(sums([[2, 4, 8, 16]] * 40))[0]
    assert alike == pytest.approx(-1 / 3, abs=0.01)


def test_other_families_and_single_purchases_are_no_habit():
    flows = pl.DataFrame(
        {
            "party_id": [1, 1, 2, 3, 3],
            "amount_minor": [100, 200, 300, 400, 500],
            "amount_family": pl.Series(["PURCHASE", "PURCHASE", "PURCHASE", "TRANSFER", "TRANSFER"]).cast(
                pl.Enum(found.AMOUNT_FAMILIES)
            ),
        }
    )
    table = Evidence()
    found.measure_habit(table, flows, np.zeros(5, np.uint8))
    assert table.table("habit").select("parties", "flows", "sizes").row(0) == (1, 2, 4)


def test_evidence_does_not_depend_on_the_cut():
    party = np.repeat(np.arange(1, 9), 30)
    ts = (np.arange(240) * 7919 % 100_003).astype(np.int64) * 1_000_000
    whole, halves = Evidence(), Evidence()
    found.measure_burstiness(whole, party, ts)
    for part in (slice(0, 90), slice(90, 240)):
        found.measure_burstiness(halves, party[part], ts[part])
    merge = found.BURSTINESS.merge
    assert merge(whole.table("burstiness")).equals(merge(halves.table("burstiness")))


def test_a_board_with_them_keeps_the_verdict_of_the_others(tables, board):
    plain = board(tables)
    told = board(tables, thresholds=V2)
    assert [g for g in told.gates if g.startswith("X")] == ["X1", "X2", "X3", "X4", "X5"]
    assert told.verdict is plain.verdict
    assert {told.gates[f"X{k}"].b for k in (1, 3, 4, 5)} == {Status.INSUFFICIENT}
    assert {told.gates[f"X{k}"].kind for k in range(1, 6)} == {"behaviour"}
