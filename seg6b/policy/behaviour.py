"""Pack `behaviour`: which scenarios and seeds may run, which features are on, and how far a run may grow.

Guards stated per million hold at any scale. A run over one of them fails S5, except flows of a session and events
of a flow: S2 clamps those, and S5 shows both the limit and the largest value seen.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from seg6b.errors import InputRefused
from seg6b.policy.base import Count, Frozen, Pack

UNLIMITED: Final = 1 << 30


class Scope(Frozen):
    """Scenarios and seeds that may run; empty seed lists filter nothing.

    Attributes:
        scenario_id_allowlist: scenarios that may run, at least one.
        seed_allowlist: the only seeds that may run, where not empty.
        seed_blocklist: seeds that may not run; empty beside an allow list.
    """

    scenario_id_allowlist: list[str] = Field(min_length=1)
    seed_allowlist: list[int]
    seed_blocklist: list[int]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        both = sorted(set(self.seed_allowlist) & set(self.seed_blocklist))
        if both:
            message = f"seeds {both} are both allowed and blocked"
            raise ValueError(message)
        if self.seed_allowlist and self.seed_blocklist:
            message = "with an allow list of seeds the block list must be empty"
            raise ValueError(message)
        for name in ("scenario_id_allowlist", "seed_allowlist", "seed_blocklist"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                message = f"{name} repeats an entry"
                raise ValueError(message)
        return self

    def refusal(self, scenario_id: str, seed: int) -> str:
        """Why this scenario and seed may not run; empty if they may."""
        if scenario_id not in self.scenario_id_allowlist:
            return f"scenario {scenario_id} is not in {self.scenario_id_allowlist}"
        if self.seed_allowlist and seed not in self.seed_allowlist:
            return f"seed {seed} is not in the allow list {self.seed_allowlist}"
        if seed in self.seed_blocklist:
            return f"seed {seed} is in the block list"
        return ""


class Guards(Frozen):
    """How far a run may grow.

    Attributes:
        sessions_per_million: sessions per million arrivals.
        cases_per_million: cases per million arrivals.
        campaigns_active_per_day: campaigns with a tagged flow on one day.
        max_flows_per_session: S2 deals the arrivals of a session to at most so many flows.
        max_events_per_flow: S2 drops optional branches of a flow beyond so many events.
    """

    sessions_per_million: Count
    cases_per_million: Count
    campaigns_active_per_day: Count
    max_flows_per_session: Count
    max_events_per_flow: Annotated[int, Field(ge=5)]


class Switches(Pack):
    """The part that both kinds share: scope and features.

    Attributes:
        scope: scenarios and seeds that may run.
        stochastic_boundary: S1 draws between the session time-out and the hard break.
        multi_flow_sessions: S2 may make several flows of one cluster of arrivals.
        step_ups: S2 may insert a step-up.
        refunds: S2 may append a refund.
        reversals: S2 may reverse instead of clearing.
        clearing_jitter: S2 lets the cleared amount differ from the authorised one.
        overlay: S3 runs campaigns.
        anomaly_overlay: S3 marks anomalies outside campaigns.
        collateral: S4 applies the collateral rule.
        posture: S4 applies the posture rule.
    """

    policy_id: Literal["behaviour"]
    scope: Scope
    stochastic_boundary: bool
    multi_flow_sessions: bool
    step_ups: bool
    refunds: bool
    reversals: bool
    clearing_jitter: bool
    overlay: bool
    anomaly_overlay: bool
    collateral: bool
    posture: bool


class Scoped(Switches):
    """Features and guards, all honoured."""

    kind: Literal["scoped"]
    guards: Guards

    @property
    def max_flows_per_session(self) -> int:
        """Clamp on the flows of one session."""
        return self.guards.max_flows_per_session

    @property
    def max_events_per_flow(self) -> int:
        """Clamp on the events of one flow."""
        return self.guards.max_events_per_flow


class Unguarded(Switches):
    """Scope and features only: no limit is checked and nothing is clamped."""

    kind: Literal["unguarded"]

    @property
    def guards(self) -> None:
        """There are none."""
        return

    @property
    def max_flows_per_session(self) -> int:
        """No clamp."""
        return UNLIMITED

    @property
    def max_events_per_flow(self) -> int:
        """No clamp."""
        return UNLIMITED


def require_scope(behaviour: Switches, scenario_id: str, seed: int) -> None:
    """Refuse a scenario or seed that the pack does not let run; all states are refused alike, before any begins."""
    fault = behaviour.scope.refusal(scenario_id, seed)
    if fault:
        raise InputRefused(
            "E_SCOPE_REFUSED",
            "the behaviour pack does not let this run happen",
            "behaviour.scope",
            fault,
            "a scenario and seed in scope",
            "Choose another seed or scenario, or another `policy/behaviour` variant.",
        )


Model = Annotated[Scoped | Unguarded, Field(discriminator="kind")]
