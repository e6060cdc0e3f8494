import numpy as np
import polars as pl
import pytest

POINTS = [199, 499, 999, 1499, 1999, 2999, 4999, 9999]
CASH = [2000, 5000, 10000, 20000, 50000, 100000]


def test_families_follow_channels(ordinary):
    pairs = ordinary.flows.select(pl.col("channel_group", "amount_family").cast(pl.String)).unique().rows()
    assert dict(pairs) == {
        "ECOM": "PURCHASE",
        "POS": "PURCHASE",
        "HYBRID": "PURCHASE",
        "ATM": "CASH_WITHDRAWAL",
        "BANK_RAIL": "TRANSFER",
    }


@pytest.mark.parametrize(
    ("family", "points", "mass"), [("PURCHASE", POINTS, 0.32), ("CASH_WITHDRAWAL", CASH, 0.70), ("TRANSFER", [], 0.0)]
)
def test_points_have_their_mass_and_are_equally_likely(ordinary, family, points, mass):
    flows = ordinary.flows.filter(pl.col("amount_family") == family)
    at = flows.filter(pl.col("amount_branch") == "POINT")["amount_minor"]
    assert at.len() / flows.height == pytest.approx(mass, abs=0.02)
    assert sorted(at.unique()) == points
    shares = at.value_counts()["count"].to_numpy() / max(1, at.len())
    assert shares == pytest.approx([1 / max(1, len(points))] * len(points), abs=0.03)


def test_events_carry_the_amounts_of_their_flow(ordinary):
    joined = ordinary.events.join(ordinary.flows, on="flow_id", suffix="_of_flow")
    by_kind = {str(k): f for (k,), f in joined.group_by(pl.col("event_type").cast(pl.String))}
    for kind in ("AUTH_REQUEST", "STEP_UP_CHALLENGE", "STEP_UP_COMPLETE", "AUTH_RESPONSE"):
        assert by_kind[kind]["amount_minor"].equals(by_kind[kind]["auth_amount_minor"])
    for kind, column in (("CLEARING", "clear"), ("REFUND", "refund"), ("REVERSAL", "reversal")):
        frame = by_kind[kind]
        assert frame["amount_minor"].to_list() == frame[f"{column}_amount_minor"].to_list()
    assert joined["currency_iso"].cast(pl.String).equals(joined["currency_iso_of_flow"].cast(pl.String))


def test_clearing_stays_within_one_per_cent(ordinary):
    flows = ordinary.flows.drop_nulls("clear_amount_minor")
    auth, clear = (flows[c].to_numpy() for c in ("auth_amount_minor", "clear_amount_minor"))
    assert np.all(100 * np.abs(clear - auth) <= auth + 100)
    large = auth > 5000
    swing = (clear[large] - auth[large]) / auth[large]
    assert swing.std() == pytest.approx(0.01 / np.sqrt(3), rel=0.05)
    assert abs(swing.mean()) < 5e-4


def test_refunds_return_all_or_a_part_of_what_cleared(bench, crowd):
    result = bench.in_memory(crowd, bench.policies(flow_shape={"branches.refund.probability": 1.0}))
    flows = result.flows.drop_nulls("refund_amount_minor")
    share = -(flows["refund_amount_minor"] / flows["clear_amount_minor"])
    partial = (flows["branch_trace"] & 4) != 0
    assert share.filter(~partial).unique().to_list() == [1.0]
    assert partial.mean() == pytest.approx(0.30, abs=0.02)
    parts = share.filter(partial & (flows["clear_amount_minor"] > 2000))
    assert 0.0999 < parts.min() < 0.11
    assert 0.89 < parts.max() < 0.9001


def test_a_reversal_undoes_the_authorised_amount(bench, crowd):
    result = bench.in_memory(crowd, bench.policies(flow_shape={"branches.reversal.probability": 1.0}))
    flows = result.flows.drop_nulls("reversal_amount_minor")
    assert flows.height > 1000
    assert (flows["reversal_amount_minor"] == -flows["auth_amount_minor"]).all()


def test_without_jitter_clearing_is_the_authorised_amount(bench, crowd):
    flows = bench.in_memory(crowd, bench.policies(behaviour={"clearing_jitter": False})).flows
    cleared = flows.drop_nulls("clear_amount_minor")
    assert (cleared["clear_amount_minor"] == cleared["auth_amount_minor"]).all()


def test_the_smallest_amounts_stay_at_one_unit(bench, crowd):
    tiny = {"families.PURCHASE.tail": {"law": "LOGNORMAL_V1", "mu": 0.1, "sigma": 0.5}}
    shape = {"branches.refund.probability": 1.0}
    result = bench.in_memory(crowd, bench.policies(amount=tiny, flow_shape=shape))
    flows = result.flows.filter(pl.col("amount_family") == "PURCHASE")
    assert flows["amount_minor"].min() == 1
    assert flows["refund_amount_minor"].max() == -1
    assert result.evidence.table("flow_checks")["bad"].sum() == 0


def test_conditioned_amounts_move_the_tail_alone(bench, crowd):
    plain = bench.in_memory(crowd, bench.policies()).flows
    moved = bench.in_memory(crowd, bench.policies(amount="bplus")).flows
    point = plain["amount_branch"] == "POINT"
    assert (plain["amount_branch"] == moved["amount_branch"]).all()
    assert plain.filter(point)["amount_minor"].equals(moved.filter(point)["amount_minor"])
    assert (plain.filter(~point)["amount_minor"] != moved.filter(~point)["amount_minor"]).mean() > 0.99


def test_class_shift_shows_in_the_tail(bench):
    frame = bench.arrivals([(p, 100 * p + m, m, m, "ECOM") for p in range(400) for m in (3, 7)])
    flows = bench.in_memory(frame, bench.policies(amount="bplus")).flows.filter(pl.col("amount_branch") == "TAIL")
    logs = flows.group_by(pl.col("merchant_class").cast(pl.String)).agg(pl.col("amount_minor").log().mean())
    mean = dict(logs.rows())
    assert mean["travel_hospitality"] - mean["fuel_convenience"] == pytest.approx(0.5, abs=0.25)


def test_amounts_of_a_party_resemble_each_other(bench):
    """One-way intraclass correlation of log tail amounts: habit variance over total variance."""
    frame = bench.arrivals([(p, 50 * p + i, 10, i, "BANK_RAIL") for p in range(400) for i in range(25)])
    result = {}
    for variant in ("full", "bplus"):
        flows = bench.in_memory(frame, bench.policies(amount=variant)).flows
        log = np.log(flows.sort("party_id", "ts_utc")["amount_minor"].to_numpy()).reshape(400, 25)
        between, within = 25 * log.mean(axis=1).var(ddof=1), log.var(axis=1, ddof=1).mean()
        result[variant] = (between - within) / (between + 24 * within)
    assert abs(result["full"]) < 0.02
    assert result["bplus"] == pytest.approx(0.36 / (0.36 + 1.21), abs=0.06)


def test_full_amounts_pass_their_gates_with_margin(bench, crowd):
    amounts = bench.in_memory(crowd, bench.policies()).flows["amount_minor"]
    assert amounts.n_unique() >= 40
    assert amounts.quantile(0.99, interpolation="linear") / amounts.median() >= 3.5
    assert amounts.value_counts(sort=True)["count"].head(8).sum() / amounts.len() <= 0.70
