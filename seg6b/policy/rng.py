"""Pack `rng`: the register of every draw that a state may make.

The generator itself is no policy. A decision that appears in the evidence without standing here, or under another
state, fails S5; so does a decision that must always be drawn and never was.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Frozen, Pack

Module = Literal["S1", "S2", "S3", "S4", "S5"]
KeyId = Literal[
    "merchant_id", "arrival_seq", "party_id", "session_id", "flow_id", "template_id", "campaign_id", "member",
    "target_id", "instrument_id", "step", "case_id", "cell", "dataset",
]  # fmt: skip


class Decision(Frozen):
    """One decision.

    Attributes:
        keys: entity keys of the draw, beside fingerprint, seed and scenario.
        always: whether a run without a single draw of it is wrong.
    """

    keys: list[KeyId] = Field(min_length=1, max_length=3)
    always: bool


class Family(Frozen):
    """One family: the state that owns it and its decisions."""

    module: Module
    decisions: dict[str, Decision] = Field(min_length=1)


class Counted(Pack):
    """Draws are counted by cell and compared with what the policies imply."""

    policy_id: Literal["rng"]
    kind: Literal["counted"]
    families: dict[str, Family] = Field(min_length=1)


class Named(Pack):
    """The first baseline: it is enough that every module left evidence of itself."""

    policy_id: Literal["rng"]
    kind: Literal["named"]
    modules: list[Module] = Field(min_length=1)

    @model_validator(mode="after")
    def _row_states(self) -> Self:
        if len(set(self.modules)) != len(self.modules):
            message = "modules repeats a state"
            raise ValueError(message)
        return self


Model = Annotated[Counted | Named, Field(discriminator="kind")]
