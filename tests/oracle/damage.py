"""Deliberate damage to published tables: each function takes frames by dataset name and returns the changed ones."""

from __future__ import annotations

import numpy as np
import polars as pl

ARRIVALS, SESSIONS = "s1_arrival_entities_6B", "s1_session_index_6B"
FLOWS, EVENTS = "s2_flow_anchor_baseline_6B", "s2_event_stream_baseline_6B"
OVERLAID = "s3_flow_anchor_with_fraud_6B"
TRUTH, BANK, CASES = "s4_flow_truth_labels_6B", "s4_flow_bank_view_6B", "s4_case_timeline_6B"

LEGIT = pl.col("fraud_label") == "LEGIT"


def set_enum(frame, column, where, value):
    """One value of a dictionary column wherever `where` holds."""
    dtype = frame.schema[column]
    return pl.when(where).then(pl.lit(value, dtype)).otherwise(pl.col(column)).alias(column)


def relabel(truth, where, label, subtype):
    """A coherent truth label: label, flag and subtype together."""
    changed = [set_enum(truth, "fraud_label", where, label), set_enum(truth, "truth_subtype", where, subtype)]
    flag = pl.when(where).then(label != "LEGIT").otherwise("is_fraud_truth").alias("is_fraud_truth")
    return truth.with_columns(*changed, flag)


def contradict_one_flag(frames):
    """One LEGIT flow says that it is fraud."""
    truth = frames[TRUTH]
    first = pl.int_range(pl.len()) == truth["fraud_label"].eq("LEGIT").arg_max()
    return {TRUTH: truth.with_columns(is_fraud_truth=pl.col("is_fraud_truth") | first)}


def label_everything_abuse(frames):
    """The collapse of D+: no flow is LEGIT."""
    return {TRUTH: relabel(frames[TRUTH], LEGIT, "ABUSE", "FRIENDLY_FRAUD")}


def clear_all_but_campaigns(frames):
    """Every flow outside campaigns is LEGIT."""
    return {TRUTH: relabel(frames[TRUTH], pl.col("campaign_id").is_null(), "LEGIT", "NONE")}


def label_some_untouched_abuse(frames):
    """Two in a hundred untouched flows are ABUSE."""
    untouched = LEGIT & (pl.col("pattern_source") == "HEURISTIC_ONLY") & (pl.col("flow_id") % 50 == 0)
    return {TRUTH: relabel(frames[TRUTH], untouched, "ABUSE", "FRIENDLY_FRAUD")}


def clear_some_campaign_flows(frames):
    """One in ten campaign flows is LEGIT."""
    tagged = pl.col("campaign_id").is_not_null() & (pl.col("flow_id") % 10 == 0)
    return {TRUTH: relabel(frames[TRUTH], tagged, "LEGIT", "NONE")}


def forget_classes(frames):
    """Bank labels stay, but each stands beside the class of another flow."""
    bank = frames[BANK]
    return {BANK: bank.with_columns(merchant_class=bank["merchant_class"].gather(scattered(bank.height)))}


def hand_view_to_neighbour(frames):
    """Each bank-fraud flag moves to the flow of the same family that is next in amount, whatever its class."""
    bank, amounts = frames[BANK], frames[OVERLAID].select("flow_id", "amount_family", "amount_minor")
    sizes = bank.select("flow_id", "is_fraud_bank_view").join(amounts, on="flow_id", how="left", maintain_order="left")
    ordered = sizes.with_row_index("row").with_columns(order=scattered(bank.height))
    ordered = ordered.sort("amount_family", "amount_minor", "order")
    moved = ordered.with_columns(is_fraud_bank_view=pl.Series(np.roll(ordered["is_fraud_bank_view"].to_numpy(), 1)))
    return {BANK: bank.with_columns(moved.sort("row")["is_fraud_bank_view"])}


def make_fraud_cheap(frames):
    """What the bank calls fraud costs one minor unit."""
    flows = frames[OVERLAID]
    view = flows.select("flow_id").join(frames[BANK].select("flow_id", "is_fraud_bank_view"), on="flow_id", how="left")
    view = flows.select("flow_id").join(view, on="flow_id", how="left", maintain_order="left")["is_fraud_bank_view"]
    return {OVERLAID: flows.with_columns(amount_minor=pl.when(view).then(1).otherwise("amount_minor").cast(pl.Int64))}


def turn_one_gap_back(frames):
    """The last event of one case lies a minute before the one before it."""
    cases = frames[CASES]
    last = pl.int_range(pl.len()) == cases["case_event_seq"].arg_max()
    earlier = pl.col("ts_utc").shift(1).over("case_id", order_by="case_event_seq") - pl.duration(minutes=1)
    return {CASES: cases.with_columns(ts_utc=pl.when(last).then(earlier).otherwise("ts_utc"))}


def step_cases_by_the_hour(frames):
    """Every case event comes an hour after the one before it."""
    opened = pl.col("ts_utc").first().over("case_id", order_by="case_event_seq")
    return {CASES: frames[CASES].with_columns(ts_utc=opened + pl.duration(hours=pl.col("case_event_seq")))}


def by_rank(frames, value_of):
    """S2 amounts replaced by a function of their rank in 0..1, as arrays."""
    flows = frames[FLOWS]
    rank = np.argsort(np.argsort(flows["amount_minor"].to_numpy(), kind="stable")) / flows.height
    return {FLOWS: flows.with_columns(amount_minor=pl.Series(value_of(rank)).cast(pl.Int64))}


def price_in_nineteen_tags(frames):
    """Nineteen amounts, equally frequent, each 30 % above the one before."""
    return by_rank(frames, lambda rank: np.rint(200 * 1.3 ** np.floor(rank * 19)))


def flatten_amounts(frames):
    """A thousand amounts between 10 and 20, equally frequent: no tail."""
    return by_rank(frames, lambda rank: 1000 + np.floor(rank * 1000))


def crowd_onto_eight_amounts(frames):
    """Nine in ten amounts become the nearest of eight quantiles."""
    flows = frames[FLOWS]
    amounts = np.sort(flows["amount_minor"].to_numpy())
    tags = amounts[((np.arange(8) + 0.5) / 8 * amounts.size).astype(int)]

    def value_of(rank):
        crowded = tags[np.minimum((rank * 8).astype(int), 7)]
        kept = amounts[(rank * amounts.size).astype(int)]
        return np.where(scattered(rank.size) % 10 > 0, crowded, kept)

    return by_rank(frames, value_of)


def answer(frames, stamp):
    """S2 events with AUTH_RESPONSE moved to `stamp`, an expression of `ts_utc` and `asked`."""
    events = frames[EVENTS].with_columns(asked=pl.col("ts_utc").first().over("flow_id"))
    moved = pl.when(pl.col("event_type") == "AUTH_RESPONSE").then(stamp).otherwise("ts_utc")
    return {EVENTS: events.with_columns(ts_utc=moved.cast(events.schema["ts_utc"])).drop("asked")}


def answer_nine_seconds_later(frames):
    """Every answer comes nine seconds later."""
    return answer(frames, pl.col("ts_utc") + pl.duration(seconds=9))


def answer_within_twenty_seconds(frames):
    """No answer takes more than twenty seconds."""
    return answer(frames, pl.min_horizontal("ts_utc", pl.col("asked") + pl.duration(seconds=20)))


def answer_some_at_once(frames):
    """Three in ten flows are answered in no time."""
    return answer(frames, pl.when(pl.col("flow_id") % 10 < 3).then("asked").otherwise("ts_utc"))


def scatter_campaigns_over(column):
    """Campaign flows keep their campaign, but each takes a column of another campaign flow."""

    def damage(frames):
        flows = frames[OVERLAID]
        tagged = np.flatnonzero(flows["campaign_id"].is_not_null().to_numpy())
        place = np.arange(flows.height)
        place[tagged] = tagged[scattered(tagged.size)]
        return {OVERLAID: flows.with_columns(flows[column].gather(place))}

    return damage


def split_sessions(frames):
    """Every session has one arrival."""
    return {SESSIONS: frames[SESSIONS].with_columns(arrival_count=pl.lit(1, pl.Int64))}


def share_nothing(frames):
    """Every party has one device, one IP and one instrument an account, all its own."""
    own = frames[ARRIVALS].with_columns(device_id="party_id", ip_id="party_id", instrument_id="account_id")
    return {ARRIVALS: own}


def draw_points_and_minimum_delays(frames):
    """All amounts are price points, and every delay is its minimum: two branches that did not run."""
    least = {
        "detection_delay_s": 1.0,
        "dispute_delay_s": 3600.0,
        "chargeback_delay_s": 86_400.0,
        "close_delay_s": 3600.0,
    }
    drawn = [pl.when(pl.col(c).is_not_null()).then(v).alias(c) for c, v in least.items()]
    flows = frames[FLOWS]
    points = flows.with_columns(set_enum(flows, "amount_branch", pl.lit(value=True), "POINT"))
    return {BANK: frames[BANK].with_columns(drawn), FLOWS: points}


def record_another_rule(frames):
    """One flow names a rule that does not hold for it."""
    truth = frames[TRUTH]
    first = pl.int_range(pl.len()) == truth["truth_rule_id"].eq("RULE_NONE_NO_OVERLAY").arg_max()
    return {TRUTH: truth.with_columns(set_enum(truth, "truth_rule_id", first, "RULE_OVERLAY_ANOMALY_NO_CAMPAIGN"))}


def scattered(size):
    """A fixed permutation without pattern: the order of `i * odd mod 2^32`."""
    return np.argsort((np.arange(size, dtype=np.uint64) * np.uint64(2_654_435_761)) & np.uint64(0xFFFFFFFF))


def dealt(frame, column):
    """Values of a column, dealt to the rows at random."""
    return frame.with_columns(pl.Series(column, frame[column][scattered(frame.height)]))


def deal_arrival_times(frames):
    """Each arrival comes when another one did."""
    return {ARRIVALS: dealt(frames[ARRIVALS], "ts_utc")}


def deal_local_times(frames):
    """The local hour of an arrival is that of another one."""
    return {ARRIVALS: dealt(frames[ARRIVALS], "ts_local_primary")}


def deal_flow_times(frames):
    """Each flow happens when another one did."""
    return {OVERLAID: dealt(frames[OVERLAID], "ts_utc")}


def deal_amounts(frames):
    """Each flow costs what another one of its family did."""
    flows = frames[FLOWS]
    number = pl.Series(scattered(flows.height))
    amounts = flows.with_columns(number=number).sort("amount_family", "number")["amount_minor"]
    places = flows.with_row_index("row").sort("amount_family", "row")["row"]
    order = places.arg_sort()
    return {FLOWS: flows.with_columns(amount_minor=amounts[order])}
