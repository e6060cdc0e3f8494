"""Pack `validation`: what S5 demands of a run, what it only warns about, and when it seals.

`fail_closed` demands everything and seals a PASS alone; `in_waves` defers what a later wave of remediation repairs.
`warn_only` is what the first baseline executed: fewer required checks, three coarse warn metrics, a seal on WARN too.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from seg6b.policy.base import Band, Frozen, NonNegative, Pack, Probability

RequiredCheck = Literal[
    "REQ_UPSTREAM_HASHGATES",
    "REQ_SEALED_INPUTS_PRESENT",
    "REQ_PK_UNIQUENESS",
    "REQ_FLOW_EVENT_PARITY",
    "REQ_FLOW_LABEL_COVERAGE",
    "REQ_LINK_INTEGRITY",
    "REQ_CRITICAL_TRUTH_REALISM",
    "REQ_CRITICAL_CASE_TIMELINE",
    "REQ_RNG_BUDGETS",
    "REQ_TIME_MONOTONE",
    "REQ_SCENARIO_OOB",
    "REQ_GUARDRAILS",
    "REQ_EVIDENCE_AUDIT",
]
WarnCheck = Literal["WARN_BASELINE_REALISM", "WARN_FRAUD_REALISM", "WARN_BANK_VIEW_REALISM", "WARN_CASE_REALISM"]
REQUIRED_CHECKS: Final[tuple[str, ...]] = get_args(RequiredCheck)
WARN_CHECKS: Final[tuple[str, ...]] = get_args(WarnCheck)
ISSUE_LIMIT: Final = 20_000
CELLS: Final = 64


class DeclineCorridors(Frozen):
    """Share of declined flows, by channel."""

    ECOM: Band
    POS: Band
    ATM: Band


class RefundCorridors(Frozen):
    """Share of refunded flows, by channel."""

    ECOM: Band
    POS: Band


class BaselineCorridors(Frozen):
    """What ordinary traffic looks like.

    Attributes:
        decline: declined flows of a channel.
        refund: refunded flows of a channel.
        multi_flow_sessions: sessions with more than one flow.
    """

    decline: DeclineCorridors
    refund: RefundCorridors
    multi_flow_sessions: Band


class CampaignShares(Frozen):
    """Share of all flows that campaigns of one type tag."""

    CARD_TESTING: Band
    ATO: Band
    REFUND_ABUSE: Band
    MERCHANT_COLLUSION: Band
    PROMO_FRAUD: Band
    BONUS_ABUSE: Band


class FraudCorridors(Frozen):
    """What the overlay leaves behind.

    Attributes:
        fraud_fraction: flows with a campaign.
        campaign_type_share: the same, by campaign type.
        min_mutation_axes: axes that are mutated at least once.
    """

    fraud_fraction: Band
    campaign_type_share: CampaignShares
    min_mutation_axes: Annotated[int, Field(ge=1, le=5)]


class DetectionCorridors(Frozen):
    """Share of detected flows, by truth label."""

    FRAUD: Band
    ABUSE: Band
    LEGIT: Band


class BankCorridors(Frozen):
    """How well the bank sees.

    Attributes:
        false_positive: bank fraud among LEGIT flows.
        detection: detected flows among those of a truth label.
    """

    false_positive: Band
    detection: DetectionCorridors


class CaseCorridors(Frozen):
    """How much work the cases are.

    Attributes:
        involvement: flows in a case.
        flows_per_case: mean.
        duration_s: mean from the first to the last event of a case.
        chargeback: flows with a chargeback.
    """

    involvement: Band
    flows_per_case: Band
    duration_s: Band
    chargeback: Band


class Corridors(Frozen):
    """All warn corridors of the faithful metrics."""

    baseline: BaselineCorridors
    fraud: FraudCorridors
    bank_view: BankCorridors
    case: CaseCorridors


class Bounds(Frozen):
    """How long after the horizon a stamp may still lie.

    Attributes:
        flow_grace_s: events of a flow other than its AUTH_REQUEST.
        case_grace_days: bank-view stamps and case events.
    """

    flow_grace_s: NonNegative
    case_grace_days: NonNegative


class Common(Pack):
    """What both kinds state.

    Attributes:
        required: checks that fail the run.
        warn: checks that only warn.
        warn_still_pass_max_fraction: share of warn checks that may fail while the verdict stays PASS.
        fail_on_any_warn_failure: whether a failing warn check fails the run.
        issue_rows_max: rows of the issue table.
        audit_cells: cells that S5 derives again from Parquet.
    """

    policy_id: Literal["validation"]
    required: list[RequiredCheck] = Field(min_length=1)
    warn: list[WarnCheck]
    warn_still_pass_max_fraction: Probability
    fail_on_any_warn_failure: bool
    issue_rows_max: Annotated[int, Field(ge=1, le=ISSUE_LIMIT)]
    audit_cells: Annotated[int, Field(ge=1, le=CELLS)]

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        for name in ("required", "warn"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                message = f"{name} repeats a check"
                raise ValueError(message)
        return self


class FailClosed(Common):
    """Everything is required; only a PASS is sealed.

    Attributes:
        seal_on: verdict that is sealed.
        critical_level: level that the critical gates must pass.
        bounds: grace after the horizon.
        corridors: of the warn checks.
    """

    kind: Literal["fail_closed"]
    seal_on: Literal["PASS"]
    critical_level: Literal["B", "BPLUS"]
    bounds: Bounds
    corridors: Corridors

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [c for c in (*REQUIRED_CHECKS, *WARN_CHECKS) if c not in {*self.required, *self.warn}]
        if missing:
            message = f"a fail-closed pack lists every check; missing: {', '.join(missing)}"
            raise ValueError(message)
        return self


class InWaves(FailClosed):
    """Fails closed on all but what a later wave of remediation makes possible.

    Attributes:
        deferred: checks that are not asked for yet; none that looks at truth, cases or coverage.
    """

    kind: Literal["in_waves"]  # type: ignore[assignment]
    deferred: list[Literal["REQ_TIME_MONOTONE"]] = Field(min_length=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        listed = {*self.required, *self.warn, *self.deferred}
        missing = [c for c in (*REQUIRED_CHECKS, *WARN_CHECKS) if c not in listed]
        if missing:
            message = f"a pack that fails closed in waves lists every check; missing: {', '.join(missing)}"
            raise ValueError(message)
        return self


class LeanCorridors(Frozen):
    """Corridors of the coarse metrics.

    Attributes:
        fraud_fraction: flows with a campaign.
        bank_view_rate: flows that the bank calls fraud, truth aside.
        case_event_rate: case events per flow.
    """

    fraud_fraction: Band
    bank_view_rate: Band
    case_event_rate: Band


class WarnOnly(Common):
    """The first baseline: no critical gate, times of S2 alone, no bounds, a seal on PASS and WARN.

    Attributes:
        seal_on: verdicts that are sealed.
        corridors: of the coarse warn metrics.
    """

    kind: Literal["warn_only"]
    seal_on: Literal["PASS_OR_WARN"]
    corridors: LeanCorridors

    @model_validator(mode="after")
    def _what_it_has(self) -> Self:
        beyond = {"REQ_CRITICAL_TRUTH_REALISM", "REQ_CRITICAL_CASE_TIMELINE", "REQ_GUARDRAILS", "REQ_LINK_INTEGRITY"}
        found = sorted(beyond & set(self.required))
        if found:
            message = f"a warn-only pack knows no thresholds for {', '.join(found)}"
            raise ValueError(message)
        return self


Model = Annotated[FailClosed | InWaves | WarnOnly, Field(discriminator="kind")]
