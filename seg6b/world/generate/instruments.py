"""Instruments of accounts: how many, of which type, under which scheme.

The first account of an eligible party has a physical debit card, so that no channel is without a candidate.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.frames import dictionary
from seg6b.datasets.vocabulary import ACCOUNT_TYPES, INSTRUMENT_TYPES, PARTY_TYPES, SCHEMES
from seg6b.datasets.world_tables import ACCOUNT_INSTRUMENTS, INSTRUMENTS
from seg6b.draws.mix import U64
from seg6b.world.generate.accounts import FULL_HOUSE, Accounts, draw_type
from seg6b.world.generate.instrument_laws import (
    CARD_SCHEMES,
    DEBIT_CARD,
    FIRST,
    FURTHER,
    INSTRUMENTED,
    RAIL_OF_COUNTRY,
    WALLET_SCHEMES,
)
from seg6b.world.generate.owned import Owned, counts_of, entities_of, negative_binomial, own
from seg6b.world.generate.parties import RETAIL, Block
from seg6b.world.generate.recipe import Recipe

I64 = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

FURTHER_INSTRUMENTS: Final = negative_binomial(0.73, 2, 12)
_SHARE: Final = np.array([INSTRUMENTED[t] for t in ACCOUNT_TYPES])


def instrument_tables(recipe: Recipe, block: Block, accounts: Accounts) -> dict[Dataset, pl.DataFrame]:
    """Instrument base and account links of one block, sorted by account, type, scheme and id."""
    owned = own(_counts(recipe, block, accounts))
    party = accounts.owned.owner[owned.owner]
    entity = entities_of(accounts.account_id[owned.owner], owned.rank)
    kind = _types(recipe, block, accounts, owned, entity)
    base = pl.DataFrame(
        {
            "instrument_id": recipe.draws.ids("instrument", entity),
            "account_id": accounts.account_id[owned.owner],
            "owner_party_id": block.party_id[party],
            "instrument_type": dictionary(kind, INSTRUMENT_TYPES),
            "scheme": dictionary(_schemes(recipe, kind, block.country[party], entity), SCHEMES),
        }
    )
    types = [pl.col("instrument_type").cast(pl.String), pl.col("scheme").cast(pl.String)]
    base = base.sort("account_id", *types, "instrument_id")
    links = base.select("account_id", "instrument_id", "instrument_type", "scheme")
    return {INSTRUMENTS: base, ACCOUNT_INSTRUMENTS: links}


def _counts(recipe: Recipe, block: Block, accounts: Accounts) -> I64:
    some = recipe.even("account.instrumented", accounts.entity, accounts.account_type) < _SHARE[accounts.account_type]
    further = counts_of(recipe.even("instrument.count", accounts.entity), FURTHER_INSTRUMENTS)
    return np.where(some | _certain(block, accounts), 1 + further, 0)


def _certain(block: Block, accounts: Accounts) -> npt.NDArray[np.bool_]:
    """Accounts that carry an instrument whatever the draw: an eligible party's first, or its whole house."""
    owner, rank = accounts.owned.owner, accounts.owned.rank
    retail = block.party_type[owner] == RETAIL
    return block.eligible[owner] & np.where(retail, rank == 0, rank < FULL_HOUSE)


def _types(recipe: Recipe, block: Block, accounts: Accounts, owned: Owned, entity: U64) -> Codes:
    account_type = accounts.account_type[owned.owner]
    u = recipe.even("instrument.type", entity, account_type * 2 + (owned.rank == 0))
    kind = np.zeros(entity.size, np.int32)
    for code, name in enumerate(ACCOUNT_TYPES):
        for first, law in ((True, FIRST[name]), (False, FURTHER[name])):
            rows = (account_type == code) & ((owned.rank == 0) == first)
            kind[rows] = draw_type(u[rows], law, INSTRUMENT_TYPES)
    party = accounts.owned.owner[owned.owner]
    sure = block.eligible[party] & (accounts.owned.rank[owned.owner] == 0) & (owned.rank == 0)
    cards = np.array([INSTRUMENT_TYPES.index(DEBIT_CARD[t]) for t in PARTY_TYPES], np.int32)
    kind[sure] = cards[block.party_type[party[sure]]]
    return kind


def _schemes(recipe: Recipe, kind: Codes, country: Codes, entity: U64) -> Codes:
    """Cards and wallets by market share, bank handles by the rail of the country."""
    u = recipe.draws.uniform("world", "instrument.scheme", entity)
    rails = np.array([SCHEMES.index(r) for r in RAIL_OF_COUNTRY], np.int32)
    bank = np.array(["BANK_ACCOUNT" in t for t in INSTRUMENT_TYPES])[kind]
    abroad = kind == INSTRUMENT_TYPES.index("PARTY_BANK_ACCOUNT_INTERNATIONAL")
    wallet = np.array(["TOKEN" in t for t in INSTRUMENT_TYPES])[kind]
    card = draw_type(u, CARD_SCHEMES, SCHEMES)
    scheme = np.where(wallet, draw_type(u, WALLET_SCHEMES, SCHEMES), np.where(bank, rails[country], card))
    return np.where(abroad, SCHEMES.index("SWIFT"), scheme).astype(np.int32)
