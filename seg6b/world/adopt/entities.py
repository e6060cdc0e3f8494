"""6A tables of a published world, and what has to hold between all tables of a world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Dataset
from seg6b.errors import ContractBroken
from seg6b.world.adopt.merchants import absent
from seg6b.world.adopt.reading import read_table
from seg6b.world.adopt.source import Source

DERIVABLE: Final = (w.HOLDINGS, w.ACCOUNT_INSTRUMENTS)
Tables = Mapping[Dataset, pl.DataFrame]

# (table, column) whose ids must exist in (table, column).
REFERENCES: Final = (
    (w.ACCOUNTS, "owner_party_id", w.PARTIES, "party_id"),
    (w.INSTRUMENTS, "account_id", w.ACCOUNTS, "account_id"),
    (w.INSTRUMENTS, "owner_party_id", w.PARTIES, "party_id"),
    (w.ACCOUNT_INSTRUMENTS, "account_id", w.ACCOUNTS, "account_id"),
    (w.ACCOUNT_INSTRUMENTS, "instrument_id", w.INSTRUMENTS, "instrument_id"),
    (w.DEVICES, "primary_party_id", w.PARTIES, "party_id"),
    (w.DEVICE_LINKS, "device_id", w.DEVICES, "device_id"),
    (w.DEVICE_LINKS, "party_id", w.PARTIES, "party_id"),
    (w.DEVICE_LINKS, "merchant_id", w.MERCHANT_SEEDS, "merchant_id"),
    (w.IP_LINKS, "ip_id", w.IPS, "ip_id"),
    (w.IP_LINKS, "device_id", w.DEVICES, "device_id"),
    (w.IP_LINKS, "party_id", w.PARTIES, "party_id"),
    (w.PARTY_ROLES, "party_id", w.PARTIES, "party_id"),
    (w.ACCOUNT_ROLES, "account_id", w.ACCOUNTS, "account_id"),
    (w.DEVICE_ROLES, "device_id", w.DEVICES, "device_id"),
    (w.IP_ROLES, "ip_id", w.IPS, "ip_id"),
)


def entity_tables(source: Source) -> dict[Dataset, pl.DataFrame]:
    """Every 6A table; holdings and account links are derived where they are absent.

    Raises:
        InputRefused: a table is missing.
        ContractBroken: a table does not follow the contract.
    """
    tables: dict[Dataset, pl.DataFrame] = {}
    for dataset in (*w.ENTITY_TABLES, *w.ROLE_TABLES):
        if dataset.name in source.tables:
            tables[dataset] = read_table(dataset, source.tables[dataset.name], source.axes)
        elif dataset not in DERIVABLE:
            raise absent(dataset, source, "every table of segment 6A")
    if w.HOLDINGS not in tables:
        counts = tables[w.ACCOUNTS].group_by("owner_party_id", "account_type").len("account_count")
        tables[w.HOLDINGS] = counts.with_columns(pl.col("account_count").cast(pl.Int64))
    if w.ACCOUNT_INSTRUMENTS not in tables:
        tables[w.ACCOUNT_INSTRUMENTS] = tables[w.INSTRUMENTS].select(w.ACCOUNT_INSTRUMENTS.names)
    return tables


def check_integrity(tables: Tables) -> None:
    """Refuse keys that occur twice, and ids that nobody defines.

    Raises:
        ContractBroken: naming table, column, the first id and how many there are.
    """
    for dataset, frame in tables.items():
        twice = frame.group_by(dataset.key).len().filter(pl.col("len") > 1).sort(dataset.key)
        if twice.height:
            key = ", ".join(f"{k} {twice[k][0]}" for k in dataset.key)
            raise ContractBroken(
                "E_WORLD_DUPLICATE_KEY", "a key occurs more than once", dataset.name,
                f"{key}: {twice['len'][0]} times, {twice.height} such keys", "once",
                "Publish the table again; nothing was adopted.",
            )  # fmt: skip
    for dataset, column, target, key in REFERENCES:
        known = tables[target].select(pl.col(key).alias(column))
        loose = tables[dataset].select(column).drop_nulls().join(known, on=column, how="anti")
        if loose.height:
            raise ContractBroken(
                "E_WORLD_REFERENCE", f"{loose.height} rows refer to an id that nobody defines",
                f"{dataset.name}, column {column}", str(loose[column].sort()[0]), f"a {key} of {target.name}",
                "Publish the tables again; nothing was adopted.",
            )  # fmt: skip
