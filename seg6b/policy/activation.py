"""How many instances of a campaign template there are: laws of a small count, with a floor and a ceiling."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seg6b.draws.quantile import significant
from seg6b.policy.base import Count, Frozen, Probability, sums_to_one


class Deterministic(Frozen):
    """Always `count` instances; nothing is drawn."""

    mode: Literal["DETERMINISTIC"]
    count: Count

    @property
    def floor(self) -> int:
        """Fewest instances."""
        return self.count

    @property
    def max_instances(self) -> int:
        """Most instances."""
        return self.count

    @property
    def draws(self) -> int:
        """Uniforms used."""
        return 0

    @property
    def expected(self) -> float:
        """Expected instances."""
        return float(self.count)

    def instances(self, u: float) -> int:  # noqa: ARG002 - the other laws read it
        """Instances at uniform `u`."""
        return self.count


class Poisson(Frozen):
    """Poisson with mean `rate`, bounded to `[floor, max_instances]`."""

    mode: Literal["POISSON_V1"]
    rate: Annotated[float, Field(gt=0.0, le=20.0)]
    floor: Annotated[int, Field(ge=0)]
    max_instances: Count

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.floor >= self.max_instances:
            message = f"floor {self.floor} must be below max_instances {self.max_instances}, else state DETERMINISTIC"
            raise ValueError(message)
        return self

    @property
    def draws(self) -> int:
        """Uniforms used."""
        return 1

    @property
    def expected(self) -> float:
        """Expected instances, bounds applied."""
        total, cumulative = 0.0, 0.0
        for count, mass in enumerate(self._masses()):
            total += mass * max(count, self.floor)
            cumulative += mass
        return significant(total + (1.0 - cumulative) * self.max_instances)

    def instances(self, u: float) -> int:
        """Instances at uniform `u`: the smallest count whose cumulative probability exceeds it."""
        cumulative = 0.0
        for count, mass in enumerate(self._masses()):
            cumulative += mass
            if u < cumulative:
                return max(count, self.floor)
        return self.max_instances

    def _masses(self) -> list[float]:
        """P(N = n) below the ceiling."""
        masses = [significant(math.exp(-self.rate))]
        for count in range(1, self.max_instances):
            masses.append(masses[-1] * self.rate / count)
        return masses


class Categorical(Frozen):
    """`counts[i]` with probability `probs[i]`."""

    mode: Literal["CATEGORICAL_V1"]
    counts: list[Annotated[int, Field(ge=0)]] = Field(min_length=2)
    probs: list[Probability] = Field(min_length=2)

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if len(self.counts) != len(self.probs):
            message = f"{len(self.counts)} counts but {len(self.probs)} probabilities"
            raise ValueError(message)
        if sorted(set(self.counts)) != self.counts:
            message = "counts must ascend without repeats"
            raise ValueError(message)
        sums_to_one(self.probs, "activation probabilities")
        return self

    @property
    def floor(self) -> int:
        """Fewest instances."""
        return self.counts[0]

    @property
    def max_instances(self) -> int:
        """Most instances."""
        return self.counts[-1]

    @property
    def draws(self) -> int:
        """Uniforms used."""
        return 1

    @property
    def expected(self) -> float:
        """Expected instances."""
        return sum(count * prob for count, prob in zip(self.counts, self.probs, strict=True))

    def instances(self, u: float) -> int:
        """Instances at uniform `u`."""
        cumulative = 0.0
        for count, prob in zip(self.counts, self.probs, strict=True):
            cumulative += prob
            if u < cumulative:
                return count
        return self.counts[-1]


Activation = Annotated[Deterministic | Poisson | Categorical, Field(discriminator="mode")]
