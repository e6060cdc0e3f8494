from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest

from seg6b.evidence.tables import Evidence, Measure
from seg6b.states.s5_validate import corridors


def table(name, **columns):
    return name, (Measure(name, ("cell",)), pl.DataFrame(columns).with_columns(cell=pl.lit(0, pl.UInt8)))


def evidence(**states):
    return {state: Evidence(dict(tables)) for state, tables in states.items()}


@dataclass
class Shares:
    """Flows of each kind, of 10,000."""

    declined: int = 500
    refunded: int = 200
    several: int = 2_000


def traffic(shares):
    flows = 10_000
    kinds = [("AUTH_DECLINED", 16, shares.declined), ("AUTH_SETTLED", 2, shares.refunded)]
    kinds.append(("AUTH_SETTLED", 0, flows - shares.declined - shares.refunded))
    rows = [(channel, *kind) for channel in ("ECOM", "POS", "ATM") for kind in kinds]
    channel, outcome, trace, n = zip(*rows, strict=True)
    return evidence(
        S2=[
            table("flow_types", channel_group=channel, baseline_outcome=outcome, branch_trace=trace, n=n),
            table("session_flows", n_flows=[1, 2], n=[flows - shares.several, shares.several]),
        ]
    )


def judged(outcome):
    return [f.law for f in outcome.findings]


def test_ordinary_traffic_keeps_the_baseline_corridors(policy_of):
    outcome = corridors.baseline_realism(traffic(Shares()), policy_of("validation", "full"))
    assert judged(outcome) == []
    assert outcome.metrics["decline.ECOM"] == pytest.approx(0.05)
    assert outcome.metrics["refund.POS"] == pytest.approx(0.02)
    assert outcome.metrics["multi_flow_sessions"] == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("shares", "broken"),
    [
        (Shares(declined=70), ["decline.ECOM", "decline.ATM"]),
        (Shares(declined=2_600), ["decline.ECOM", "decline.POS"]),
        (Shares(refunded=5), ["refund.ECOM", "refund.POS"]),
        (Shares(several=50), ["multi_flow_sessions"]),
        (Shares(several=4_600), ["multi_flow_sessions"]),
    ],
)
def test_traffic_outside_a_corridor_is_named(policy_of, shares, broken):
    assert judged(corridors.baseline_realism(traffic(shares), policy_of("validation", "full"))) == broken


def test_the_first_baseline_enforced_nothing_on_traffic(policy_of):
    assert judged(corridors.baseline_realism(traffic(Shares(declined=0)), policy_of("validation", "lean"))) == []


KINDS = ("CARD_TESTING", "ATO", "REFUND_ABUSE", "MERCHANT_COLLUSION", "PROMO_FRAUD", "BONUS_ABUSE")


def overlaid(tagged, axes=7):
    patterns = [*KINDS, "NONE"]
    return evidence(
        S4=[
            table(
                "truth", campaign=[p != "NONE" for p in patterns], fraud_pattern_type=patterns,
                n=[*[tagged] * len(KINDS), 10_000 - tagged * len(KINDS)],
            )
        ],
        S3=[table("overlay", mutation_axes=[0, axes], n=[9_000, 10])],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("tagged", "axes", "broken"),
    [
        (10, 7, []),
        (0, 7, ["fraud_fraction", *(f"campaign_type_share.{k}" for k in KINDS)]),
        (200, 7, ["fraud_fraction"]),
        (10, 3, ["mutation_axes"]),
    ],
    ids=["inside", "none", "many", "axes"],
)
def test_fraud(policy_of, tagged, axes, broken):
    outcome = corridors.fraud_realism(overlaid(tagged, axes), policy_of("validation", "full"))
    assert judged(outcome) == broken
    assert outcome.metrics["fraud_fraction_sample"] == pytest.approx(tagged * 6 / 10_000)


def viewed(false_positives=50, detected=30):
    rows = [
        ("LEGIT", "NOT_DETECTED", "NO_CHARGEBACK", False, False, 9_700 - false_positives),
        ("LEGIT", "DETECTED_AT_AUTH", "NO_CHARGEBACK", True, True, false_positives),
        ("FRAUD", "DETECTED_POST_AUTH", "BANK_LOSS", True, True, detected),
        ("FRAUD", "NOT_DETECTED", "NO_CHARGEBACK", False, False, 100 - detected),
        ("ABUSE", "DETECTED_AT_AUTH", "NO_CHARGEBACK", True, True, 20),
        ("ABUSE", "NOT_DETECTED", "NO_CHARGEBACK", False, False, 180),
    ]
    label, detection, outcome, fraud, opened, n = zip(*rows, strict=True)
    return table(
        "bank", fraud_label=label, detection_outcome=detection, chargeback_outcome=outcome, is_fraud_bank_view=fraud,
        case_opened=opened, n=n,
    )  # fmt: skip


def test_false_positives_are_bank_fraud_among_legit_flows_not_the_overall_rate(policy_of):
    outcome = corridors.bank_view_realism(evidence(S4=[viewed()]), policy_of("validation", "full"))
    assert judged(outcome) == []
    assert outcome.metrics["false_positive"] == pytest.approx(50 / 9_700)
    assert outcome.metrics["bank_view_rate_sample"] == pytest.approx(100 / 10_000)


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({"false_positives": 300}, ["false_positive"]),
        ({"detected": 3}, ["detection.FRAUD"]),
        ({"detected": 98}, ["detection.FRAUD"]),
    ],
)
def test_a_bank_that_sees_too_much_or_too_little(policy_of, given, broken):
    assert (
        judged(corridors.bank_view_realism(evidence(S4=[viewed(**given)]), policy_of("validation", "full"))) == broken
    )


def test_the_first_baseline_held_the_overall_rate_against_the_corridor(policy_of):
    outcome = corridors.bank_view_realism(evidence(S4=[viewed(false_positives=300)]), policy_of("validation", "lean"))
    assert judged(outcome) == ["bank_view_rate"]


def cases(n_flows=2, duration=100_000):
    return evidence(
        S4=[
            viewed(),
            table("cases", n_flows=[n_flows], n=[50]),
            table("case_spans", duration_s=[duration], n=[50]),
            table("case_events", case_event_type=["CASE_OPENED", "CASE_CLOSED"], n=[50, 50]),
        ]
    )


@pytest.mark.parametrize(
    ("given", "broken"),
    [
        ({}, []),
        ({"n_flows": 1}, ["flows_per_case"]),
        ({"n_flows": 21}, ["flows_per_case"]),
        ({"duration": 10}, ["duration_s"]),
    ],
)
def test_cases(policy_of, given, broken):
    outcome = corridors.case_realism(cases(**given), policy_of("validation", "full"))
    assert judged(outcome) == broken
    assert outcome.metrics["involvement"] == pytest.approx(0.01)
    assert outcome.metrics["chargeback"] == pytest.approx(0.003)
    assert outcome.metrics["case_event_rate"] == pytest.approx(0.01)


def test_a_share_of_nothing_is_outside_its_corridor(policy_of):
    empty = evidence(
        S2=[
            table("flow_types", channel_group=["ECOM"], baseline_outcome=["AUTH_DECLINED"], branch_trace=[2], n=[0]),
            table("session_flows", n_flows=[1], n=[0]),
        ]
    )
    outcome = corridors.baseline_realism(empty, policy_of("validation", "full"))
    assert len(outcome.findings) == 6
    assert outcome.metrics["decline.POS"] is None
