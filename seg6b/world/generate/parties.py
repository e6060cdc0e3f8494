"""Parties by country and segment, in blocks: each block is made alone and holds whole households.

A party is eligible when it owns an account with an instrument and a device with an IP link; which parties are is
fixed here, so that their number follows the arrivals exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import PARTY_TYPES, SEGMENTS
from seg6b.draws.mix import entities1
from seg6b.world.generate.countries import COUNTRIES, REGIONS
from seg6b.world.generate.recipe import Recipe, shares_to_counts
from seg6b.world.generate.zones import ISO

I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

BLOCK_PARTIES: Final = 1 << 16
# All parties for one that is not eligible: what holds for a share of all falls on those alone.
ALL_TO_OTHERS: Final = 1.466

# Percent of all parties. Retail shares are published; business and other are published in sum (2.75 %, 0.48 %).
SEGMENT_SHARES: Final[dict[str, float]] = {
    "BUSINESS_CORPORATE": 0.12,
    "BUSINESS_ECOM_NATIVE": 0.22,
    "BUSINESS_LOCAL_SERVICE": 0.33,
    "BUSINESS_MID_MARKET": 0.17,
    "BUSINESS_MICRO": 0.53,
    "BUSINESS_SME": 0.55,
    "BUSINESS_SOLE_TRADER": 0.83,
    "OTHER_NONPROFIT": 0.28,
    "OTHER_PUBLIC_SECTOR": 0.20,
    "RETAIL_AFFLUENT": 3.4,
    "RETAIL_EARLY_CAREER": 16.3,
    "RETAIL_FAMILY": 21.0,
    "RETAIL_MASS_MARKET": 7.9,
    "RETAIL_MATURE": 16.8,
    "RETAIL_RETIRED": 11.0,
    "RETAIL_STUDENT": 10.5,
    "RETAIL_VALUE": 10.0,
}
RETAIL: Final = PARTY_TYPES.index("RETAIL")
TYPE_OF_SEGMENT: Final = np.array([PARTY_TYPES.index(s.split("_")[0]) for s in SEGMENTS], np.int32)
REGION_OF_COUNTRY: Final = np.array([REGIONS.index(c.region) for c in COUNTRIES], np.int32)


@dataclass(frozen=True, slots=True)
class Census:
    """How many parties live where: shape (countries, segments) each, eligible ones beside all.

    Attributes:
        eligible: eligible parties of each cell.
        total: all parties of each cell.
    """

    eligible: I64
    total: I64


@dataclass(frozen=True, slots=True)
class Block:
    """Some parties, adjacent in the order (country, segment).

    Attributes:
        number: running number of the block.
        index: running number of each party in the world.
        party_id: id64.
        segment: code into `SEGMENTS`.
        country: code into `COUNTRIES`.
        eligible: whether the party can be attached to an arrival.
    """

    number: int
    index: I64
    party_id: I64
    segment: Codes
    country: Codes
    eligible: npt.NDArray[np.bool_]

    @property
    def party_type(self) -> Codes:
        """Code into `PARTY_TYPES`."""
        return TYPE_OF_SEGMENT[self.segment]


def take_census(recipe: Recipe) -> Census:
    """Parties by country and segment; every segment has at least one eligible party."""
    country = np.array([c.share for c in COUNTRIES])
    segment = np.array([SEGMENT_SHARES[s] for s in SEGMENTS])
    floor = np.maximum(segment, 100.0 / recipe.eligible)
    eligible = _cells(country, floor, recipe.eligible)
    others = _cells(country, segment, recipe.parties - recipe.eligible)
    return Census(eligible, eligible + others)


def _cells(country: npt.NDArray[np.float64], segment: npt.NDArray[np.float64], total: int) -> I64:
    """Integers near the product of the shares; segments are exact to one party, countries to a few."""
    by_segment = np.outer(segment, country).ravel()
    return shares_to_counts(by_segment, total).reshape(segment.size, country.size).T


def blocks_of(census: Census) -> int:
    """Number of blocks."""
    return -(-int(census.total.sum()) // BLOCK_PARTIES)


def make_block(recipe: Recipe, census: Census, number: int) -> Block:
    """The parties of one block."""
    ends = np.cumsum(census.total.ravel())
    index = np.arange(number * BLOCK_PARTIES, min((number + 1) * BLOCK_PARTIES, int(ends[-1])), dtype=np.int64)
    cell = np.searchsorted(ends, index, side="right")
    total, wanted = census.total.ravel()[cell], census.eligible.ravel()[cell]
    rank = index - (ends[cell] - total)
    return Block(
        number=number,
        index=index,
        party_id=recipe.draws.ids("party", entities1(index)),
        segment=(cell % len(SEGMENTS)).astype(np.int32),
        country=(cell // len(SEGMENTS)).astype(np.int32),
        eligible=(rank + 1) * wanted // total > rank * wanted // total,
    )


def party_table(block: Block) -> pl.DataFrame:
    """`s1_party_base_6A` of one block, sorted by country, segment, type and id."""
    frame = pl.DataFrame(
        {
            "party_id": block.party_id,
            "party_type": dictionary(block.party_type, PARTY_TYPES),
            "segment_id": dictionary(block.segment, SEGMENTS),
            "region_id": dictionary(REGION_OF_COUNTRY[block.country], REGIONS),
            "country_iso": dictionary(block.country, ISO),
        }
    )
    return frame.sort("country_iso", "segment_id", "party_type", "party_id")
