"""Accounts of parties: a current account first, others by party type.

Eligible business and other parties hold all five kinds of account, so that even a small world has each of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import ACCOUNT_TYPES, PARTY_TYPES, SEGMENTS
from seg6b.datasets.world_tables import ACCOUNTS, HOLDINGS
from seg6b.draws.mix import U64, entities1
from seg6b.world.generate.countries import REGIONS
from seg6b.world.generate.owned import Owned, counts_of, entities_of, negative_binomial, own
from seg6b.world.generate.parties import ALL_TO_OTHERS, REGION_OF_COUNTRY, RETAIL, Block
from seg6b.world.generate.recipe import Recipe, classes_of
from seg6b.world.generate.zones import ISO

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

NO_ACCOUNT: Final = 0.008
FURTHER_ACCOUNTS: Final = negative_binomial(1.64, 2, 30)
FURTHER_BUSINESS: Final = negative_binomial(1.9, 2, 60)
TREASURY: Final = (0.0005, 60, 136)
FULL_HOUSE: Final = 5

FIRST_ACCOUNT: Final[dict[str, dict[str, float]]] = {
    "RETAIL": {"RETAIL_CURRENT_BASIC": 0.795, "RETAIL_CURRENT_PREMIUM": 0.205},
    "BUSINESS": {"BUSINESS_CURRENT": 1.0},
    "OTHER": {"OTHER_CURRENT_BASIC": 1.0},
}
FURTHER_ACCOUNT: Final[dict[str, dict[str, float]]] = {
    "RETAIL": {
        "RETAIL_CURRENT_BASIC": 0.128,
        "RETAIL_CURRENT_PREMIUM": 0.033,
        "RETAIL_CREDIT_CARD_STANDARD": 0.298,
        "RETAIL_CREDIT_CARD_PREMIUM": 0.064,
        "RETAIL_SAVINGS_INSTANT": 0.283,
        "RETAIL_SAVINGS_FIXED": 0.128,
        "RETAIL_PERSONAL_LOAN_UNSECURED": 0.058,
        "MERCHANT_SETTLEMENT_ACCOUNT": 0.008,
    },
    "BUSINESS": {
        "BUSINESS_CURRENT": 0.22,
        "BUSINESS_SAVINGS": 0.25,
        "BUSINESS_CREDIT_CARD": 0.29,
        "BUSINESS_TERM_LOAN": 0.11,
        "MERCHANT_SETTLEMENT_ACCOUNT": 0.10,
        "MERCHANT_RESERVE_ACCOUNT": 0.03,
    },
    "OTHER": {
        "OTHER_CURRENT_BASIC": 0.30,
        "OTHER_SAVINGS": 0.34,
        "BUSINESS_CREDIT_CARD": 0.16,
        "BUSINESS_TERM_LOAN": 0.10,
        "MERCHANT_SETTLEMENT_ACCOUNT": 0.10,
    },
}
HOUSE: Final[dict[str, tuple[str, ...]]] = {
    "BUSINESS": ("BUSINESS_CREDIT_CARD", "MERCHANT_SETTLEMENT_ACCOUNT", "BUSINESS_TERM_LOAN", "BUSINESS_SAVINGS"),
    "OTHER": ("BUSINESS_CREDIT_CARD", "MERCHANT_SETTLEMENT_ACCOUNT", "BUSINESS_TERM_LOAN", "OTHER_SAVINGS"),
}


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts of one block, by party.

    Attributes:
        owned: owner and rank.
        entity: entity hash.
        account_id: id64.
        account_type: code into `ACCOUNT_TYPES`.
    """

    owned: Owned
    entity: U64
    account_id: I64
    account_type: Codes


def make_accounts(recipe: Recipe, block: Block) -> Accounts:
    """The accounts of one block."""
    owned = own(_account_counts(recipe, block))
    entity = entities_of(block.party_id[owned.owner], owned.rank)
    strata = block.party_type[owned.owner] * 2 + (owned.rank == 0)
    u = recipe.even("account.type", entity, strata)
    account_type = np.zeros(owned.owner.size, np.int32)
    party_type = block.party_type[owned.owner]
    for code, name in enumerate(PARTY_TYPES):
        for first, law in ((True, FIRST_ACCOUNT[name]), (False, FURTHER_ACCOUNT[name])):
            rows = (party_type == code) & ((owned.rank == 0) == first)
            account_type[rows] = draw_type(u[rows], law, ACCOUNT_TYPES)
        house = (party_type == code) & block.eligible[owned.owner] & (owned.rank > 0) & (owned.rank < FULL_HOUSE)
        if name in HOUSE:
            kinds = np.array([ACCOUNT_TYPES.index(t) for t in HOUSE[name]], np.int32)
            account_type[house] = kinds[owned.rank[house] - 1]
    return Accounts(owned, entity, recipe.draws.ids("account", entity), account_type)


def draw_type(u: F64, law: dict[str, float], vocabulary: tuple[str, ...]) -> Codes:
    """Codes into `vocabulary` drawn under `law`."""
    codes = np.array([vocabulary.index(t) for t in law], np.int32)
    return codes[classes_of(u, np.array(list(law.values())))]


def _account_counts(recipe: Recipe, block: Block) -> I64:
    retail = block.party_type == RETAIL
    u = recipe.even("account.count", entities1(block.index), retail * 2 + block.eligible)
    counts = 1 + np.where(retail, counts_of(u, FURTHER_ACCOUNTS), counts_of(u, FURTHER_BUSINESS))
    share, low, high = TREASURY
    treasury = recipe.uniform("account.treasury", block.index)
    chosen = (block.segment == SEGMENTS.index("BUSINESS_CORPORATE")) & (treasury < share)
    counts = np.where(chosen, low + (treasury / share * (high - low + 1)).astype(np.int64), counts)
    none = ~block.eligible & (recipe.uniform("account.none", block.index) < NO_ACCOUNT * ALL_TO_OTHERS)
    return np.where(none, 0, np.where(block.eligible & ~retail, np.maximum(counts, FULL_HOUSE), counts))


def account_tables(block: Block, accounts: Accounts) -> dict[Dataset, pl.DataFrame]:
    """Account base and product holdings of one block."""
    owner = accounts.owned.owner
    country = block.country[owner]
    base = pl.DataFrame(
        {
            "account_id": accounts.account_id,
            "owner_party_id": block.party_id[owner],
            "account_type": dictionary(accounts.account_type, ACCOUNT_TYPES),
            "party_type": dictionary(block.party_type[owner], PARTY_TYPES),
            "segment_id": dictionary(block.segment[owner], SEGMENTS),
            "region_id": dictionary(REGION_OF_COUNTRY[country], REGIONS),
            "country_iso": dictionary(country, ISO),
        }
    )
    holdings = base.group_by("owner_party_id", "account_type").agg(account_count=pl.len().cast(pl.Int64))
    return {
        ACCOUNTS: base.sort("country_iso", pl.col("account_type").cast(pl.String), "owner_party_id", "account_id"),
        HOLDINGS: holdings.sort("owner_party_id", pl.col("account_type").cast(pl.String)),
    }
