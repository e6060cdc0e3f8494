"""The canonical upstream tables: what a sealed world holds and S0..S4 may read.

Names, keys and columns follow the published upstream contract; types are native (int64 ids, microsecond
timestamps) and the axes live in the path alone. A published world is converted to this form when it is adopted.
"""

from __future__ import annotations

from typing import Final

from seg6b.datasets import vocabulary as v
from seg6b.datasets.column import Dataset, Kind, column, enum

ARRIVALS: Final = Dataset(
    "arrival_events_5B",
    ("merchant_id", "arrival_seq"),
    (
        column("merchant_id", Kind.ID),
        column("arrival_seq", Kind.INT, "running number within the merchant, from 1"),
        column("ts_utc", Kind.UTC),
        column("bucket_index", Kind.SMALL, "hours since the start of the horizon"),
        column("zone_representation", Kind.WORLD, "time-zone group of the demand"),
        column("channel_group", Kind.WORLD, "upstream channel; `mixed` in generated worlds", null=True),
        column("tzid_primary", Kind.WORLD, "IANA zone of the demand"),
        column("ts_local_primary", Kind.LOCAL, "wall time in `tzid_primary`"),
        column("is_virtual", Kind.BOOL),
        column("site_id", Kind.ID, "physical site", null=True),
        column("edge_id", Kind.ID, "virtual edge; exactly one of site and edge is set", null=True),
        column("routing_universe_hash", Kind.WORLD, "hex64 a merchant and zone", null=True),
        column("lambda_realised", Kind.REAL, "intensity of the bucket", null=True),
    ),
    "one customer contact with a merchant site or virtual edge",
)
MERCHANT_CLASSES: Final = Dataset(
    "merchant_class_profile_5A",
    ("merchant_id",),
    (
        column("merchant_id", Kind.ID),
        enum("primary_demand_class", v.CLASSES),
        column("weekly_volume_total_expected", Kind.REAL, null=True),
        column("scale_factor_total", Kind.REAL, null=True),
    ),
    "one merchant",
)
MERCHANT_ZONES: Final = Dataset(
    "merchant_zone_profile_5A",
    ("merchant_id", "legal_country_iso", "tzid"),
    (
        column("merchant_id", Kind.ID),
        column("legal_country_iso", Kind.WORLD),
        column("tzid", Kind.WORLD),
        enum("demand_class", v.CLASSES),
        column("weekly_volume_expected", Kind.REAL, null=True),
        column("virtual_preferred_flag", Kind.BOOL, null=True),
    ),
    "one merchant and zone",
)
MERCHANT_SEEDS: Final = Dataset(
    "merchant_seed",
    ("merchant_id",),
    (
        column("merchant_id", Kind.ID),
        column("mcc", Kind.SMALL),
        enum("channel", v.MERCHANT_POSTURES),
        column("home_country_iso", Kind.WORLD),
        column("primary_currency", Kind.WORLD, "ISO 4217, from the country"),
    ),
    "one merchant",
)
SITES: Final = Dataset(
    "site_locations",
    ("site_id",),
    (
        column("site_id", Kind.ID),
        column("merchant_id", Kind.ID),
        column("country_iso", Kind.WORLD),
        column("tzid", Kind.WORLD),
    ),
    "one physical site",
)
PARTIES: Final = Dataset(
    "s1_party_base_6A",
    ("party_id",),
    (
        column("party_id", Kind.ID),
        enum("party_type", v.PARTY_TYPES),
        enum("segment_id", v.SEGMENTS),
        column("region_id", Kind.WORLD),
        column("country_iso", Kind.WORLD),
    ),
    "one party",
)
ACCOUNTS: Final = Dataset(
    "s2_account_base_6A",
    ("account_id",),
    (
        column("account_id", Kind.ID),
        column("owner_party_id", Kind.ID),
        enum("account_type", v.ACCOUNT_TYPES),
        enum("party_type", v.PARTY_TYPES),
        enum("segment_id", v.SEGMENTS),
        column("region_id", Kind.WORLD),
        column("country_iso", Kind.WORLD),
    ),
    "one account",
)
HOLDINGS: Final = Dataset(
    "s2_party_product_holdings_6A",
    ("owner_party_id", "account_type"),
    (column("owner_party_id", Kind.ID), enum("account_type", v.ACCOUNT_TYPES), column("account_count", Kind.INT)),
    "one party and account type",
)
INSTRUMENTS: Final = Dataset(
    "s3_instrument_base_6A",
    ("instrument_id",),
    (
        column("instrument_id", Kind.ID),
        column("account_id", Kind.ID),
        column("owner_party_id", Kind.ID),
        enum("instrument_type", v.INSTRUMENT_TYPES),
        enum("scheme", v.SCHEMES),
    ),
    "one instrument",
)
ACCOUNT_INSTRUMENTS: Final = Dataset(
    "s3_account_instrument_links_6A",
    ("account_id", "instrument_id"),
    (
        column("account_id", Kind.ID),
        column("instrument_id", Kind.ID),
        enum("instrument_type", v.INSTRUMENT_TYPES),
        enum("scheme", v.SCHEMES),
    ),
    "one account and instrument",
)
DEVICES: Final = Dataset(
    "s4_device_base_6A",
    ("device_id",),
    (
        column("device_id", Kind.ID),
        enum("device_type", v.DEVICE_TYPES),
        enum("os_family", v.OS_FAMILIES),
        column("primary_party_id", Kind.ID, "null for merchant terminals", null=True),
        column("home_region_id", Kind.WORLD),
        column("home_country_iso", Kind.WORLD),
    ),
    "one device",
)
IPS: Final = Dataset(
    "s4_ip_base_6A",
    ("ip_id",),
    (
        column("ip_id", Kind.ID),
        enum("ip_type", v.IP_TYPES),
        enum("asn_class", v.ASN_CLASSES),
        column("country_iso", Kind.WORLD),
    ),
    "one IP",
)
DEVICE_LINKS: Final = Dataset(
    "s4_device_links_6A",
    ("device_id", "party_id", "merchant_id", "link_role"),
    (
        column("device_id", Kind.ID),
        column("party_id", Kind.ID, null=True),
        column("account_id", Kind.ID, null=True),
        column("instrument_id", Kind.ID, null=True),
        column("merchant_id", Kind.ID, "set for MERCHANT_TERMINAL only", null=True),
        enum("link_role", v.DEVICE_ROLES),
    ),
    "one device and user",
)
IP_LINKS: Final = Dataset(
    "s4_ip_links_6A",
    ("ip_id", "device_id", "link_role"),
    (
        column("ip_id", Kind.ID),
        column("device_id", Kind.ID),
        column("party_id", Kind.ID, "null for merchant endpoints", null=True),
        enum("link_role", v.IP_ROLES),
    ),
    "one IP and device",
)
PARTY_ROLES: Final = Dataset(
    "s5_party_fraud_roles_6A",
    ("party_id",),
    (
        column("party_id", Kind.ID),
        enum("fraud_role_party", v.PARTY_FRAUD_ROLES),
        enum("risk_tier", v.RISK_TIERS),
    ),
    "one party",
)
ACCOUNT_ROLES: Final = Dataset(
    "s5_account_fraud_roles_6A",
    ("account_id",),
    (
        column("account_id", Kind.ID),
        enum("fraud_role_account", v.ACCOUNT_FRAUD_ROLES),
        enum("risk_tier", v.RISK_TIERS),
    ),
    "one account",
)
MERCHANT_ROLES: Final = Dataset(
    "s5_merchant_fraud_roles_6A",
    ("merchant_id",),
    (
        column("merchant_id", Kind.ID),
        enum("fraud_role_merchant", v.MERCHANT_FRAUD_ROLES),
        enum("risk_tier", v.RISK_TIERS),
    ),
    "one merchant",
)
DEVICE_ROLES: Final = Dataset(
    "s5_device_fraud_roles_6A",
    ("device_id",),
    (
        column("device_id", Kind.ID),
        enum("fraud_role_device", v.DEVICE_FRAUD_ROLES),
        enum("risk_tier", v.RISK_TIERS),
    ),
    "one device",
)
IP_ROLES: Final = Dataset(
    "s5_ip_fraud_roles_6A",
    ("ip_id",),
    (column("ip_id", Kind.ID), enum("fraud_role_ip", v.IP_FRAUD_ROLES), enum("risk_tier", v.RISK_TIERS)),
    "one IP",
)

MERCHANT_TABLES: Final = (MERCHANT_CLASSES, MERCHANT_ZONES, MERCHANT_SEEDS, SITES)
ENTITY_TABLES: Final = (
    PARTIES,
    ACCOUNTS,
    HOLDINGS,
    INSTRUMENTS,
    ACCOUNT_INSTRUMENTS,
    DEVICES,
    IPS,
    DEVICE_LINKS,
    IP_LINKS,
)
ROLE_TABLES: Final = (PARTY_ROLES, ACCOUNT_ROLES, MERCHANT_ROLES, DEVICE_ROLES, IP_ROLES)
WORLD_TABLES: Final = (*MERCHANT_TABLES, *ENTITY_TABLES, *ROLE_TABLES)
