"""The draws that S4's other evidence and the policies imply, by cell: what S5 compares the counted draws with."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from seg6b.evidence.s4_draws import (
    AT_AUTH,
    AUTH_DECISION,
    CHARGEBACK,
    CHARGEBACK_DELAY,
    CHARGEBACK_OUTCOME,
    CHARGEBACK_TYPE,
    CLOSE_DELAY,
    COLLATERAL,
    DECISION_DELAY,
    DETECT,
    DETECT_DELAY,
    DISPUTE,
    DISPUTE_DELAY,
    POSTURE,
    S4_DECISIONS,
)
from seg6b.evidence.tables import Evidence
from seg6b.policy.bank_view import Flat, Graded
from seg6b.policy.delay import DelayModel, is_constant
from seg6b.policy.packs import Policies
from seg6b.policy.truth import Ordered

_Rows = tuple[int, pl.DataFrame]
_SUBTYPE = pl.col("truth_subtype").cast(pl.String)


def implied_draws(evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Draws by cell, family and decision.

    Args:
        evidence: evidence of S4, merged or not.
        policy: the packs that S4 ran with.

    Returns:
        Columns cell, family, decision, n; only counts above zero.
    """
    frames = []
    for number, rows in (*_truth(evidence, policy), *_bank(evidence, policy), *_cases(evidence, policy)):
        family, decision = S4_DECISIONS[number]
        frames.append(rows.select("cell", family=pl.lit(family), decision=pl.lit(decision), n=pl.col("n")))
    keys = ("cell", "family", "decision")
    return pl.concat(frames).group_by(keys).agg(pl.col("n").sum()).filter(pl.col("n") > 0).sort(keys)


def _truth(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    if isinstance(policy.truth, Ordered):
        rule = pl.col("truth_rule_id").cast(pl.String)
        near, posture = policy.truth.collateral, policy.truth.posture
        rows = evidence.table("truth")
        if 0.0 < near.probability < 1.0:
            yield COLLATERAL, rows.filter(rule == near.rule_id)
        if 0.0 < posture.share < 1.0:
            yield POSTURE, rows.filter(rule == posture.rule_id)


def _bank(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, bank = policy.bank_view, evidence.table("bank")
    choices = evidence.table("decisions")
    rates = pack.subtypes.items()
    disputable = pl.lit(value=True) if isinstance(pack, Flat) else pl.col("disputable")
    yield AUTH_DECISION, choices.filter(_chosen(pack))
    yield DETECT, choices.filter(_SUBTYPE.is_in([s for s, r in rates if _open(r.detect)]))
    yield DISPUTE, choices.filter(disputable & _SUBTYPE.is_in([s for s, r in rates if _open(r.dispute)]))
    detected = bank.filter(pl.col("detection_outcome").cast(pl.String) != "NOT_DETECTED")
    yield AT_AUTH, detected.filter(_SUBTYPE.is_in([s for s, r in rates if _open(r.at_auth)]))
    after = pl.col("detection_outcome").cast(pl.String) == "DETECTED_POST_AUTH"
    if _drawn(policy, "DETECTION_DELAY_V1"):
        yield DETECT_DELAY, detected.filter(after)
    disputed = bank.filter(pl.col("dispute_outcome").cast(pl.String) == "DISPUTE_FILED")
    capped = isinstance(pack, Graded)  # below 1 by the ceiling, whatever the rate
    yield CHARGEBACK, disputed.filter(_SUBTYPE.is_in([s for s, r in rates if _open(r.chargeback, capped=capped)]))
    if _drawn(policy, "DISPUTE_DELAY_V1"):
        yield DISPUTE_DELAY, disputed
    charged = bank.filter(pl.col("chargeback_outcome").cast(pl.String) != "NO_CHARGEBACK")
    if _several(pack.chargeback_types.model_dump()):
        yield CHARGEBACK_TYPE, charged
    open_labels = [label for label, mix in pack.chargeback_outcomes.items() if _several(mix.model_dump())]
    yield CHARGEBACK_OUTCOME, charged.filter(pl.col("fraud_label").cast(pl.String).is_in(open_labels))
    if _drawn(policy, "CHARGEBACK_DELAY_V1"):
        yield CHARGEBACK_DELAY, charged


def _cases(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    event = pl.col("case_event_type").cast(pl.String)
    rows = evidence.table("case_events")
    if _drawn(policy, "CASE_CLOSE_DELAY_V1"):
        yield CLOSE_DELAY, rows.filter(event == "CASE_CLOSED")
    if policy.case.kind == "grouped" and not is_constant(policy.case.decision):
        yield DECISION_DELAY, rows.filter(event == "CHARGEBACK_DECISION")


def _chosen(pack: Graded | Flat) -> pl.Expr:
    """Flows whose authorisation decision is drawn."""
    if isinstance(pack, Flat):
        tested = pl.col("fraud_pattern_type").cast(pl.String) == "CARD_TESTING"
        declines = tested & pl.col("channel_group").cast(pl.String).is_in(pack.card_testing_declines)
        return ~declines & pl.lit(_several(pack.auth.model_dump()))
    plain, stepped = pack.auth.plain, pack.auth.step_up
    plain_open = plain.REVIEW > 0.0
    stepped_open = stepped.CHALLENGE < 1.0 and (stepped.CHALLENGE > 0.0 or stepped.REVIEW > 0.0)
    return ~pl.col("declined") & pl.when(pl.col("step_up")).then(pl.lit(stepped_open)).otherwise(pl.lit(plain_open))


def _drawn(policy: Policies, model: DelayModel) -> bool:
    return not is_constant(policy.delay.law(model))


def _open(probability: float, *, capped: bool = False) -> bool:
    return probability > 0.0 and (capped or probability < 1.0)


def _several(mix: dict[str, float]) -> bool:
    return sum(p > 0.0 for p in mix.values()) > 1
