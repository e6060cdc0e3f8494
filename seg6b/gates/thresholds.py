"""The threshold file: every number a gate is judged by, typed, versioned, and named by its digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from seg6b.errors import UsageError
from seg6b.policy.base import Count, Frozen, NonNegative, Positive, Probability

GATE_IDS = tuple(f"T{i}" for i in range(1, 23))
BEHAVIOUR_IDS = tuple(f"X{i}" for i in range(1, 6))


class AtLeast(Frozen):
    """`value >= bound`."""

    op: Literal["at_least"]
    bound: float

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return (self.bound,)

    def margin(self, value: float) -> float:
        """Signed distance from the bound, positive inside."""
        return value - self.bound

    def holds(self, value: float) -> bool:
        """Whether the value passes."""
        return value >= self.bound

    def words(self) -> str:
        """The rule in words."""
        return f">= {self.bound:.4g}"


class Above(Frozen):
    """`value > bound`."""

    op: Literal["above"]
    bound: float

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return (self.bound,)

    def margin(self, value: float) -> float:
        """Signed distance from the bound, positive inside."""
        return value - self.bound

    def holds(self, value: float) -> bool:
        """Whether the value passes."""
        return value > self.bound

    def words(self) -> str:
        """The rule in words."""
        return f"> {self.bound:.4g}"


class AtMost(Frozen):
    """`value <= bound`."""

    op: Literal["at_most"]
    bound: float

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return (-self.bound,)

    def margin(self, value: float) -> float:
        """Signed distance from the bound, positive inside."""
        return self.bound - value

    def holds(self, value: float) -> bool:
        """Whether the value passes."""
        return value <= self.bound

    def words(self) -> str:
        """The rule in words."""
        return f"<= {self.bound:.4g}"


class Within(Frozen):
    """`low <= value <= high`."""

    op: Literal["within"]
    low: float
    high: float

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return self.low, -self.high

    def margin(self, value: float) -> float:
        """Distance from the nearer end, positive inside."""
        return min(value - self.low, self.high - value)

    def holds(self, value: float) -> bool:
        """Whether the value passes."""
        return self.low <= value <= self.high

    def words(self) -> str:
        """The rule in words."""
        return f"[{self.low:.4g}, {self.high:.4g}]"


class Nothing(Frozen):
    """A count of zero; judged on the count, never on a rounded rate."""

    op: Literal["none"]

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return ()

    def margin(self, value: float) -> float:
        """Minus the count."""
        return -value

    def holds(self, value: float) -> bool:
        """Whether the count is zero."""
        return value == 0

    def words(self) -> str:
        """The rule in words."""
        return "= 0"


class Uplift(Frozen):
    """`value >= factor * baseline`; becomes `AtLeast` once the baseline is known."""

    op: Literal["uplift"]
    factor: Annotated[float, Field(ge=1.0)]

    @property
    def strictness(self) -> tuple[float, ...]:
        """Grows as the rule tightens."""
        return (self.factor,)

    def over(self, baseline: float) -> AtLeast:
        """The rule over a baseline."""
        return AtLeast(op="at_least", bound=self.factor * baseline)


Plain = AtLeast | Above | AtMost | Within | Nothing
Limit = Annotated[AtLeast | Above | AtMost | Within | Nothing | Uplift, Field(discriminator="op")]


class Pair(Frozen):
    """One number for B and one for B+."""

    b: float
    bplus: float


class Limits(Frozen):
    """Both levels of one gate.

    Attributes:
        b: rule of the gated value at B.
        bplus: the same at B+; never looser.
        parts: floors of further figures that must hold too, by name.
    """

    b: Limit
    bplus: Limit
    parts: dict[str, Pair] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _tighter(self) -> Self:
        looser = any(new < old for new, old in zip(self.bplus.strictness, self.b.strictness, strict=False))
        if self.b.op != self.bplus.op or looser:
            message = f"B+ ({self.bplus}) must be the same kind of rule as B ({self.b}) and no looser"
            raise ValueError(message)
        if any(pair.bplus < pair.b for pair in self.parts.values()):
            message = "a part's B+ floor is below its B floor"
            raise ValueError(message)
        return self


class Rules(Frozen):
    """Numbers inside the definitions of single gates; the file says which."""

    excluded_share_max: Probability
    class_min_flows: Count
    campaign_min_rows: Count
    spikes_s: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)
    top_values: Count
    richness_baseline: Positive
    tail_share_slack: NonNegative
    timing_ks_max: Positive
    delay_ks_max: Positive
    bound_share_max: Probability


class StatisticLimits(Frozen):
    """Limits of the statistics layer: V from below, all distances from above."""

    association_v: Pair
    association_p: Positive
    jsd: Pair
    jsd_truth: Pair
    ks: Pair
    w1_of_median: Pair
    min_samples: Count
    delay_bins: Annotated[int, Field(ge=4)]


class CrossSeed(Frozen):
    """Which seeds must agree, and how well: CV = population SD / max(|mean|, floor), the largest over `floors`."""

    seeds: list[int] = Field(min_length=2)
    cv_max: Pair
    floors: dict[str, Positive]


class Thresholds(Frozen):
    """One version of the threshold file.

    Attributes:
        design_factors: by gate, how wide the interval of another seed over the same world is, as a part of the interval
            from cells of parties (L. Kish, *Survey Sampling*, 1965, ch. 8.2); 1 where it is not named.
    """

    schema_version: Literal[1]
    version: Annotated[str, Field(pattern=r"^v[0-9]+[a-z0-9_]*$")]
    gates: dict[str, Limits]
    behaviour: dict[str, Limits] = Field(default_factory=dict)
    design_factors: dict[str, Annotated[float, Field(gt=0.0, le=2.0)]] = Field(default_factory=dict)
    rules: Rules
    statistics: StatisticLimits
    cross_seed: CrossSeed

    @model_validator(mode="after")
    def _complete(self) -> Self:
        missing = [g for g in GATE_IDS if g not in self.gates]
        missing += [g for g in BEHAVIOUR_IDS if self.behaviour and g not in self.behaviour]
        extra = sorted(set(self.gates) - set(GATE_IDS)) + sorted(set(self.behaviour) - set(BEHAVIOUR_IDS))
        extra += sorted(set(self.design_factors) - {*self.gates, *self.behaviour})
        if missing or extra:
            message = f"gates missing {missing}, unknown {extra}"
            raise ValueError(message)
        return self

    def limits(self, gate_id: str) -> Limits:
        """Both levels of a gate."""
        return self.gates[gate_id] if gate_id in self.gates else self.behaviour[gate_id]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, whatever its layout in the file; what a version does not have is not part of it."""
        lacking = {name for name in ("behaviour", "design_factors") if not getattr(self, name)}
        content = self.model_dump(mode="json", exclude=lacking)
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def load_thresholds(data: Mapping[str, Any], origin: str = "conf/gates") -> Thresholds:
    """Validate plain data; every fault is told at once."""
    try:
        return TypeAdapter(Thresholds).validate_json(json.dumps(data))
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc'])) or 'file'}: {f['msg']}" for f in error.errors()]
        raise UsageError(
            "E_GATES_INVALID",
            f"{len(faults)} faults in the threshold file",
            origin,
            " | ".join(faults[:6]),
            "T1 to T22, each with b and bplus, and the rules they use",
            "Compare with conf/gates/v1.yaml; a changed threshold is a new version.",
        ) from error
