"""Probability laws as policies state them, and the samplers that kernels read.

A continuous law is truncated to `[min, max]` by renormalising its quantile (never by clipping, which piles mass
on the bounds) and tabulated; a law with point masses keeps them apart as atoms, reached by split-and-remap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import special

from seg6b.draws.quantile import F64, build_table, cdf_of_table, significant
from seg6b.policy.base import Frozen, NonNegative, Positive, Probability, sums_to_one


class Lognormal(Frozen):
    """`exp(mu + sigma * Z)`."""

    law: Literal["LOGNORMAL_V1"]
    mu: float
    sigma: Positive

    def cdf(self, x: F64) -> F64:
        """P(X <= x)."""
        return special.ndtr((np.log(np.maximum(x, 1e-300)) - self.mu) / self.sigma)

    def quantile(self, p: F64) -> F64:
        """Inverse CDF."""
        return np.exp(self.mu + self.sigma * special.ndtri(p))


class Gamma(Frozen):
    """Gamma with shape `k` and scale `theta`."""

    law: Literal["GAMMA_V1"]
    k: Positive
    theta: Positive

    def cdf(self, x: F64) -> F64:
        """P(X <= x)."""
        return special.gammainc(self.k, np.maximum(x, 0.0) / self.theta)

    def quantile(self, p: F64) -> F64:
        """Inverse CDF."""
        return self.theta * special.gammaincinv(self.k, p)


class Exponential(Frozen):
    """Exponential with rate `rate` (per unit of the value)."""

    law: Literal["EXPONENTIAL_V1"]
    rate: Positive

    def cdf(self, x: F64) -> F64:
        """P(X <= x)."""
        return -np.expm1(-self.rate * np.maximum(x, 0.0))

    def quantile(self, p: F64) -> F64:
        """Inverse CDF."""
        return -np.log1p(-p) / self.rate


class Component(Frozen):
    """One component of a mixture."""

    weight: Probability
    law: Annotated[Lognormal | Gamma | Exponential, Field(discriminator="law")]


class Mixture(Frozen):
    """A mixture of two or three smooth laws."""

    law: Literal["MIXTURE_V1"]
    components: list[Component] = Field(min_length=2, max_length=3)

    @model_validator(mode="after")
    def _weights(self) -> Self:
        sums_to_one([c.weight for c in self.components], "mixture weights")
        return self

    def cdf(self, x: F64) -> F64:
        """P(X <= x)."""
        return np.sum([c.weight * c.law.cdf(x) for c in self.components], axis=0)

    def quantile(self, p: F64) -> F64:
        """Inverse CDF by bisection between the components' own quantiles."""
        ends = np.array([c.law.quantile(p) for c in self.components])
        low, high = ends.min(axis=0), ends.max(axis=0)
        for _ in range(80):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < p
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)


Smooth = Annotated[Lognormal | Gamma | Exponential | Mixture, Field(discriminator="law")]


class Atoms(Frozen):
    """Point masses: `values[i]` with probability `probs[i]`; the probabilities sum to 1 among themselves."""

    values: list[NonNegative] = Field(min_length=1)
    probs: list[Probability] = Field(min_length=1)

    @model_validator(mode="after")
    def _shape(self) -> Self:
        if len(self.values) != len(self.probs):
            message = f"{len(self.values)} values but {len(self.probs)} probabilities"
            raise ValueError(message)
        if sorted(set(self.values)) != self.values:
            message = "values must ascend without repeats"
            raise ValueError(message)
        sums_to_one(self.probs, "point probabilities")
        return self


class Bounded(Frozen):
    """A law of a positive quantity on `[min, max]`: atoms with total mass `atom_mass`, the rest a truncated `tail`.

    `atom_mass` 0 needs no atoms, `atom_mass` 1 needs no tail.
    """

    min: NonNegative
    max: Positive
    atom_mass: Probability = 0.0
    atoms: Atoms | None = None
    tail: Smooth | None = None

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if not self.min < self.max and not (self.tail is None and self.min == self.max):
            message = f"min {self.min} must be below max {self.max}"
            raise ValueError(message)
        if (self.atoms is None) != (self.atom_mass == 0.0):
            message = "atoms and a positive atom_mass belong together"
            raise ValueError(message)
        if (self.tail is None) != (self.atom_mass == 1.0):
            message = "a tail is needed exactly when atom_mass is below 1"
            raise ValueError(message)
        outside = [v for v in (self.atoms.values if self.atoms else []) if not self.min <= v <= self.max]
        if outside:
            message = f"atoms {outside} lie outside [{self.min}, {self.max}]"
            raise ValueError(message)
        if self.tail is not None and self._tail_mass() < 1e-6:
            message = f"the tail has no mass inside [{self.min}, {self.max}]"
            raise ValueError(message)
        return self

    def _tail_mass(self) -> float:
        if self.tail is None:
            return 0.0
        low, high = self.tail.cdf(np.array([self.min, self.max]))
        return float(high - low)

    def sampler(self) -> Sampler:
        """The compiled form; equal laws share one."""
        return _sampler(self.model_dump_json())


@dataclass(frozen=True, slots=True)
class Sampler:
    """A law as arrays: hand `*sampler.arrays` to `seg6b.draws.choice.sample` inside a kernel.

    Attributes:
        atom_mass: total mass of the atoms.
        atom_cum: cumulative probability of the atoms among themselves, shape (a,).
        atom_values: their values, shape (a,).
        table: quantile table of the tail (a constant table where there is no tail).
    """

    atom_mass: float
    atom_cum: F64
    atom_values: F64
    table: F64

    @property
    def arrays(self) -> tuple[float, F64, F64, F64]:
        """The arguments of `seg6b.draws.choice.sample`, in order."""
        return self.atom_mass, self.atom_cum, self.atom_values, self.table

    def cdf(self, x: F64) -> F64:
        """P(X <= x) of what is really drawn."""
        points = np.asarray(x, np.float64)
        steps = np.diff(self.atom_cum, prepend=0.0)
        below = (self.atom_values[None, :] <= points[:, None]) @ steps if self.atom_values.size else 0.0
        if self.atom_mass >= 1.0:
            return np.asarray(below, np.float64)
        return self.atom_mass * below + (1.0 - self.atom_mass) * cdf_of_table(self.table, points)


@lru_cache(maxsize=512)
def _sampler(canonical: str) -> Sampler:
    law = Bounded.model_validate_json(canonical)
    values = np.array(law.atoms.values if law.atoms else [], np.float64)
    cum = np.cumsum(law.atoms.probs if law.atoms else [], dtype=np.float64)
    if cum.size:
        cum[-1] = 1.0
    if law.tail is None:
        table = np.full(3, law.min)
    else:
        tail = law.tail
        low, high = tail.cdf(np.array([law.min, law.max]))
        table = build_table(lambda p: tail.quantile(low + p * (high - low)), law.min, law.max)
    return Sampler(significant(law.atom_mass), cum, values, table)
