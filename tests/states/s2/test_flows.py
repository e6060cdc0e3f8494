import polars as pl
import pytest

STEPPED = ["AUTH_REQUEST", "STEP_UP_CHALLENGE", "STEP_UP_COMPLETE", "AUTH_RESPONSE", "CLEARING"]
DECLINED, PARTIAL = 16, 4


@pytest.fixture
def only(bench):
    """One flow of `channel` under packs in which branches have the given probabilities."""

    def build(channel="ECOM", n=1, behaviour=None, **branches):
        shape = {f"branches.{name}.probability": p for name, p in branches.items()}
        frame = bench.arrivals([(1, 10 + i, 5, i, channel) for i in range(n)])
        return bench.in_memory(frame, bench.policies(flow_shape=shape, behaviour=behaviour or {}))

    return build


def of_type(result, name):
    return result.flows.filter(pl.col("flow_type_id") == name)


def shapes(result, name):
    """Distinct event sequences of the flows of one type."""
    return {tuple(result.types(flow)) for flow in of_type(result, name)["flow_id"]}


@pytest.mark.parametrize(
    ("channel", "name", "outcome", "events"),
    [
        ("ECOM", "CARD_AUTH_CLEAR", "AUTH_SETTLED", ["AUTH_REQUEST", "AUTH_RESPONSE", "CLEARING"]),
        ("POS", "CARD_AUTH_DECLINE", "AUTH_DECLINED", ["AUTH_REQUEST", "AUTH_RESPONSE"]),
        ("HYBRID", "CARD_AUTH_STEPUP_CLEAR", "AUTH_SETTLED", STEPPED),
        ("BANK_RAIL", "BANK_TRANSFER", "TRANSFER_COMPLETED", ["AUTH_REQUEST", "AUTH_RESPONSE"]),
        ("ATM", "ATM_WITHDRAWAL", "CASH_DISPENSED", ["AUTH_REQUEST", "AUTH_RESPONSE", "CLEARING"]),
        ("ATM", "CARD_AUTH_DECLINE", "AUTH_DECLINED", ["AUTH_REQUEST", "AUTH_RESPONSE"]),
    ],
)
def test_each_type_has_its_template_and_outcome(only, channel, name, outcome, events):
    result = only(channel, n=300, step_up=0.0, refund=0.0, reversal=0.0)
    assert shapes(result, name) == {tuple(events)}
    assert of_type(result, name)["baseline_outcome"].cast(pl.String).unique().to_list() == [outcome]


def test_an_inserted_step_up_follows_the_request(only):
    result = only(n=60, step_up=1.0, refund=0.0, reversal=0.0)
    assert shapes(result, "CARD_AUTH_CLEAR") == {tuple(STEPPED)}
    assert set(of_type(result, "CARD_AUTH_CLEAR")["branch_trace"]) == {1}
    assert shapes(result, "CARD_AUTH_DECLINE") == {("AUTH_REQUEST", "AUTH_RESPONSE")}


def test_a_refund_is_appended_to_what_cleared(only):
    result = only(n=60, step_up=0.0, refund=1.0, reversal=0.0)
    assert shapes(result, "CARD_AUTH_CLEAR") == {("AUTH_REQUEST", "AUTH_RESPONSE", "CLEARING", "REFUND")}
    assert shapes(result, "CARD_AUTH_STEPUP_CLEAR") == {(*STEPPED, "REFUND")}
    assert shapes(result, "CARD_AUTH_DECLINE") == {("AUTH_REQUEST", "AUTH_RESPONSE")}


def test_a_reversal_replaces_clearing_and_shuts_out_the_refund(only):
    result = only(n=60, step_up=0.0, refund=1.0, reversal=1.0)
    assert shapes(result, "CARD_AUTH_CLEAR") == {("AUTH_REQUEST", "AUTH_RESPONSE", "REVERSAL")}
    assert set(of_type(result, "CARD_AUTH_CLEAR")["branch_trace"]) == {8}
    assert of_type(result, "CARD_AUTH_CLEAR").select("clear_ts", "refund_ts").null_count().row(0) == (
        of_type(result, "CARD_AUTH_CLEAR").height,
        of_type(result, "CARD_AUTH_CLEAR").height,
    )


def test_declines_say_so_and_have_no_money_after(only):
    result = only(n=200)
    declined = result.flows.filter((pl.col("branch_trace") & DECLINED) != 0)
    assert declined.height > 5
    assert declined["baseline_outcome"].cast(pl.String).unique().to_list() == ["AUTH_DECLINED"]
    assert declined["clear_amount_minor"].null_count() == declined.height
    said = result.events.filter(pl.col("event_type") == "AUTH_RESPONSE").join(declined, on="flow_id", how="semi")
    assert said["response_code"].cast(pl.String).unique().to_list() == ["DECLINED"]
    assert result.events.filter(pl.col("event_type") != "AUTH_RESPONSE")["response_code"].null_count() == (
        result.events.height - result.flows.height
    )


@pytest.mark.parametrize(
    ("switch", "absent"),
    [
        ("step_ups", ["STEP_UP_CHALLENGE", "STEP_UP_COMPLETE"]),
        ("refunds", ["REFUND"]),
        ("reversals", ["REVERSAL"]),
    ],
)
def test_switches_keep_branches_out(only, switch, absent):
    result = only(n=200, behaviour={switch: False}, step_up=0.5, refund=0.5, reversal=0.2)
    kinds = set(result.events["event_type"].cast(pl.String))
    assert kinds == {*STEPPED, "REFUND", "REVERSAL"} - set(absent)


def test_without_step_ups_the_stepped_type_is_a_plain_one(only):
    on, off = only(n=300, step_up=0.0), only(n=300, step_up=0.0, behaviour={"step_ups": False})
    was = on.flows["flow_type_id"].cast(pl.String)
    plain = was.replace({"CARD_AUTH_STEPUP_CLEAR": "CARD_AUTH_CLEAR"})
    assert off.flows["flow_type_id"].cast(pl.String).to_list() == plain.to_list()
    assert was.to_list() != plain.to_list()


def test_branches_beyond_the_guard_are_dropped_and_shown(only):
    result = only(n=60, behaviour={"guards.max_events_per_flow": 5}, step_up=1.0, refund=1.0, reversal=0.0)
    assert result.flows["n_events"].max() == 5
    assert shapes(result, "CARD_AUTH_STEPUP_CLEAR") == {tuple(STEPPED)}
    assert set(of_type(result, "CARD_AUTH_CLEAR")["branch_trace"]) == {1 + 32}


def test_type_and_branch_shares_follow_the_policy(bench):
    frame = bench.arrivals([(s % 100, s, 5, s, "ECOM") for s in range(30_000)])
    flows = bench.in_memory(frame, bench.policies()).flows
    kinds = flows["flow_type_id"].cast(pl.String)
    shares = [(kinds == k).mean() for k in ("CARD_AUTH_CLEAR", "CARD_AUTH_DECLINE", "CARD_AUTH_STEPUP_CLEAR")]
    assert shares == pytest.approx([0.85, 0.10, 0.05], abs=0.008)
    clear = flows.filter(pl.col("flow_type_id") == "CARD_AUTH_CLEAR")["branch_trace"]
    taken = [((clear & bit) != 0).mean() for bit in (1, 2, 8)]
    assert taken == pytest.approx([0.05, 0.02, 0.004], abs=0.005)
    assert ((clear & PARTIAL) != 0).sum() / ((clear & 2) != 0).sum() == pytest.approx(0.30, abs=0.06)


def test_a_variant_changes_only_what_it_touches(bench, crowd):
    before = bench.in_memory(crowd, bench.policies())
    after = bench.in_memory(crowd, bench.policies(flow_shape={"branches.refund.probability": 0.05}))
    kept = after.events.filter(pl.col("event_type") != "REFUND")
    assert kept.equals(before.events.filter(pl.col("event_type") != "REFUND"))
    refunded = [set(r.events.filter(pl.col("event_type") == "REFUND")["flow_id"]) for r in (before, after)]
    assert refunded[0] < refunded[1]
