"""Pack `flow_shape`: how many flows a cluster of arrivals makes, and which events each flow consists of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self, get_args

from pydantic import Field, model_validator

from seg6b.policy.base import Frozen, Pack, Probability, sums_to_one

Channel = Literal["ECOM", "POS", "ATM", "BANK_RAIL", "HYBRID"]
FlowTypeId = Literal[
    "CARD_AUTH_CLEAR", "CARD_AUTH_DECLINE", "CARD_AUTH_STEPUP_CLEAR", "BANK_TRANSFER", "ATM_WITHDRAWAL"
]
Outcome = Literal["AUTH_SETTLED", "AUTH_DECLINED", "TRANSFER_COMPLETED", "CASH_DISPENSED"]
EventType = Literal[
    "AUTH_REQUEST", "STEP_UP_CHALLENGE", "STEP_UP_COMPLETE", "AUTH_RESPONSE", "CLEARING", "REFUND", "REVERSAL"
]
BranchId = Literal["step_up", "refund", "reversal"]
Share = Annotated[float, Field(gt=0.0, le=1.0)]

FLOW_TYPES: Final[tuple[FlowTypeId, ...]] = get_args(FlowTypeId)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
STEP_UP: Final[list[EventType]] = ["STEP_UP_CHALLENGE", "STEP_UP_COMPLETE"]
_TEMPLATES: Final = [
    ["AUTH_REQUEST", *step_up, "AUTH_RESPONSE", *clearing]
    for step_up in ([], STEP_UP)
    for clearing in ([], ["CLEARING"])
]


class FlowCounts(Frozen):
    """Distribution of the number of flows that a cluster of several arrivals is dealt to.

    Attributes:
        counts: possible numbers, ascending.
        probs: their probabilities.
    """

    counts: list[Annotated[int, Field(ge=1, le=4)]] = Field(min_length=1)
    probs: list[Share] = Field(min_length=1)

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if len(self.counts) != len(self.probs):
            message = f"{len(self.counts)} counts but {len(self.probs)} probabilities"
            raise ValueError(message)
        if sorted(set(self.counts)) != self.counts:
            message = "counts must ascend without repeats"
            raise ValueError(message)
        sums_to_one(self.probs, "probabilities of flow counts")
        return self


class FlowType(Frozen):
    """What a flow of one type is.

    Attributes:
        channels: exactly the channels that draw this type.
        outcome: how it ends.
        template: its events before any branch.
        allows_step_up: whether it has or may be given a step-up.
        allows_refund: whether a refund may follow.
        allows_reversal: whether a reversal may take the place of clearing.
    """

    channels: list[Channel] = Field(min_length=1)
    outcome: Outcome
    template: list[EventType] = Field(min_length=1)
    allows_step_up: bool
    allows_refund: bool
    allows_reversal: bool

    @property
    def has_step_up(self) -> bool:
        """Whether the template itself holds the step-up pair."""
        return STEP_UP[0] in self.template

    @property
    def has_clearing(self) -> bool:
        """Whether money is cleared."""
        return "CLEARING" in self.template

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if self.template not in _TEMPLATES:
            message = (
                f"template {self.template} is not AUTH_REQUEST, then perhaps {' and '.join(STEP_UP)}, "
                "then AUTH_RESPONSE, then perhaps CLEARING"
            )
            raise ValueError(message)
        clears = self.outcome in {"AUTH_SETTLED", "CASH_DISPENSED"}
        if clears != self.has_clearing:
            message = f"outcome {self.outcome} {'needs' if clears else 'forbids'} CLEARING in the template"
            raise ValueError(message)
        if len(set(self.channels)) != len(self.channels):
            message = f"channels {self.channels} repeat an entry"
            raise ValueError(message)
        if (self.allows_refund or self.allows_reversal) and not self.has_clearing:
            message = "a flow without CLEARING can be neither refunded nor reversed"
            raise ValueError(message)
        return self


class Branch(Frozen):
    """A branch that a draw adds to a flow.

    Attributes:
        probability: of taking it, for each flow of the types below.
        flow_types: types that may take it.
    """

    probability: Probability
    flow_types: list[FlowTypeId] = Field(min_length=1)


class Branches(Frozen):
    """The three branches; retries do not exist here."""

    step_up: Branch
    refund: Branch
    reversal: Branch


class Clustered(Pack):
    """Arrivals of a session are clustered by merchant and channel, and each cluster is dealt to a few flows.

    Attributes:
        flows_per_cluster: drawn for each cluster of several arrivals.
        types_by_channel: distribution of the flow type, for each channel.
        flow_types: what each type is.
        branches: step-up, refund and reversal.
    """

    policy_id: Literal["flow_shape"]
    kind: Literal["clustered"]
    flows_per_cluster: FlowCounts
    types_by_channel: dict[Channel, dict[FlowTypeId, Share]]
    flow_types: dict[FlowTypeId, FlowType]
    branches: Branches

    @model_validator(mode="after")
    def _references(self) -> Self:
        faults = [*self._channel_faults(), *self._branch_faults()]
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def shares(self, channel: Channel) -> dict[FlowTypeId, float]:
        """Distribution of the flow type in a channel."""
        return self.types_by_channel[channel]

    def branch_probability(self, branch: BranchId, flow_type: FlowTypeId) -> float:
        """Probability that a flow of this type takes the branch; 0 where it may not."""
        chosen: Branch = getattr(self.branches, branch)
        return chosen.probability if flow_type in chosen.flow_types else 0.0

    def _channel_faults(self) -> list[str]:
        faults = [f"no flow types for channel {c}" for c in CHANNELS if c not in self.types_by_channel]
        for channel, shares in self.types_by_channel.items():
            sums_to_one(list(shares.values()), f"flow types of {channel}")
        drawn = sorted({name for shares in self.types_by_channel.values() for name in shares})
        faults += [f"flow type {name} is drawn but not defined" for name in drawn if name not in self.flow_types]
        for name, flow_type in self.flow_types.items():
            users = {channel for channel, shares in self.types_by_channel.items() if name in shares}
            if users != set(flow_type.channels):
                faults.append(f"{name} lists channels {sorted(flow_type.channels)} but is drawn by {sorted(users)}")
        return faults

    def _branch_faults(self) -> list[str]:
        faults = []
        allowed: Mapping[str, set[str]] = {
            "step_up": {n for n, t in self.flow_types.items() if t.allows_step_up and not t.has_step_up},
            "refund": {n for n, t in self.flow_types.items() if t.allows_refund},
            "reversal": {n for n, t in self.flow_types.items() if t.allows_reversal},
        }
        for branch, names in allowed.items():
            listed: list[str] = getattr(self.branches, branch).flow_types
            if len(set(listed)) != len(listed) or set(listed) != names:
                faults.append(f"branch {branch} lists {listed} but flow types allow it for {sorted(names)}")
        faults += [
            f"{name} has a step-up in its template, so allows_step_up must be true"
            for name, flow_type in self.flow_types.items()
            if flow_type.has_step_up and not flow_type.allows_step_up
        ]
        return faults


class OnePerArrival(Pack):
    """As D+ ran: every arrival is a flow of one type with request and response, no branch, no other outcome."""

    policy_id: Literal["flow_shape"]
    kind: Literal["one_per_arrival"]
    flow_type: Literal["CARD_AUTH_CLEAR"]
    outcome: Literal["AUTH_SETTLED"]

    def shares(self, channel: Channel) -> dict[FlowTypeId, float]:  # noqa: ARG002 - the same in all channels
        """One type."""
        return {self.flow_type: 1.0}

    def branch_probability(self, branch: BranchId, flow_type: FlowTypeId) -> float:  # noqa: ARG002 - no branch at all
        """Nothing branches."""
        return 0.0


Model = Annotated[Clustered | OnePerArrival, Field(discriminator="kind")]
