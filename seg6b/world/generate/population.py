"""Everything that 6A says about the parties of one block."""

from __future__ import annotations

import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.datasets.world_tables import IPS, PARTIES
from seg6b.world.generate.accounts import account_tables, make_accounts
from seg6b.world.generate.devices import device_tables, make_devices
from seg6b.world.generate.instruments import instrument_tables
from seg6b.world.generate.ips import ip_tables
from seg6b.world.generate.parties import Census, make_block, party_table
from seg6b.world.generate.recipe import Recipe
from seg6b.world.generate.roles import role_tables


def make_population(recipe: Recipe, census: Census, number: int) -> dict[Dataset, pl.DataFrame]:
    """The 6A tables of one block of parties, each in its published order."""
    block = make_block(recipe, census, number)
    accounts = make_accounts(recipe, block)
    devices = make_devices(recipe, block)
    ips = ip_tables(recipe, block, devices)
    return {
        PARTIES: party_table(block),
        **account_tables(block, accounts),
        **instrument_tables(recipe, block, accounts),
        **device_tables(recipe, block, devices),
        **ips,
        **role_tables(recipe, block, accounts, devices, ips[IPS]),
    }
