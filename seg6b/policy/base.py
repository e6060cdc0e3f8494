"""What all policy packs share: strictness, bounded numbers, and one message for everything wrong in a file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
Minor = Annotated[int, Field(ge=0)]

SUM_TOLERANCE = 1e-9


class Frozen(BaseModel):
    """A strict, frozen part of a pack: unknown keys, missing keys and loose types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=False)


class Pack(Frozen):
    """The head of every pack; `policy_id` is narrowed to the pack's own name by each model."""

    schema_version: Literal[1]
    policy_id: str
    policy_version: Literal["v1"]


def sums_to_one(values: list[float], what: str) -> None:
    """Refuse a list of probabilities that does not sum to 1 within 1e-9."""
    total = sum(values)
    if abs(total - 1.0) > SUM_TOLERANCE:
        message = f"{what} sums to {total:.12g}, not to 1"
        raise ValueError(message)


class Band(Frozen):
    """A closed interval `[low, high]`, as a corridor or a target."""

    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            message = f"low {self.low} is above high {self.high}"
            raise ValueError(message)
        return self

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside, ends included."""
        return self.low <= value <= self.high
