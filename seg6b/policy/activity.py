"""Pack `activity`: how much a party does, and when it is awake.

`bursts` gives each party a heavy-tailed rate and lets it act mostly in the blocks of time in which it is awake;
`always` gives all parties the same rate at all times.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from seg6b.policy.base import Count, Pack, Positive
from seg6b.policy.laws import Bounded


class Bursts(Pack):
    """Rates and awake blocks.

    The parties of a country lie along their cumulative weight, and that axis is cut into equal cells. In each block
    of time one cell of every `awake_one_in` neighbours is awake, and takes `boost` times as many arrivals as an
    asleep one: the axis is squeezed there, so one uniform picks the party and long-run shares stay as weighted.

    Attributes:
        rate: law of a party's rate, relative; one draw a party.
        block_s: length of a block, seconds.
        awake_one_in: neighbours of which one is awake.
        cells_per_party: cells of a country for each of its parties.
        boost: arrivals of an awake cell for one of an asleep cell.
    """

    policy_id: Literal["activity"]
    kind: Literal["bursts"]
    rate: Bounded
    block_s: Count
    awake_one_in: Annotated[int, Field(ge=2, le=4096)]
    cells_per_party: Positive
    boost: Annotated[float, Field(gt=1.0)]

    @model_validator(mode="after")
    def _moving(self) -> Self:
        if self.rate.min <= 0.0:
            message = "a rate of 0 would make a party unreachable: rate.min must be above 0"
            raise ValueError(message)
        return self

    @property
    def draws_rate(self) -> bool:
        """Whether the rate has more than one outcome."""
        return self.rate.tail is not None or len(self.rate.atoms.values if self.rate.atoms else []) > 1


class Always(Pack):
    """Equal rates, always awake, as the D+ baseline ran."""

    policy_id: Literal["activity"]
    kind: Literal["always"]


Model = Annotated[Bursts | Always, Field(discriminator="kind")]
