"""The published rows of S1 from routed rows and chosen candidates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import dictionary, nullable, utc
from seg6b.datasets.tables import SESSION_ARRIVALS
from seg6b.states.s1_attach.arrivals import OPEN_COLUMNS
from seg6b.states.s1_attach.boundaries import Visits
from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import Links
from seg6b.states.s1_attach.plan import Plan

I64 = npt.NDArray[np.int64]


class Chosen(NamedTuple):
    """Ids of the chosen candidates of each arrival; an instrument of 0 is none."""

    account_id: I64
    instrument_id: I64
    device_id: I64
    ip_id: I64


def chosen_ids(held: Held, links: Links) -> Chosen:
    """Ids from indexes."""
    # An index of -1 reads the entry behind the last one.
    instruments = np.append(held.instrument_id, 0)
    return Chosen(
        account_id=held.account_id[links.account],
        instrument_id=instruments[links.instrument],
        device_id=held.device_id[links.device],
        ip_id=held.ip_id[links.ip],
    )


def published_arrivals(
    plan: Plan, rows: pl.DataFrame, visits: Visits, chosen: Chosen, *, session_id: I64, score: npt.NDArray[np.float64]
) -> pl.DataFrame:
    """Rows of `s1_arrival_entities_6B`, in the order of `rows`."""
    merchants, parties = plan.merchants, plan.parties
    party, merchant = rows["party"].to_numpy(), rows["merchant"].to_numpy()
    merchant_country, party_country = merchants.country[merchant], parties.country[party]
    opened = {name: dictionary(rows[name].to_numpy(), plan.categories[name]) for name in OPEN_COLUMNS}
    return pl.DataFrame(
        {
            "merchant_id": visits.merchant_id,
            "arrival_seq": visits.seq,
            "ts_utc": utc(visits.ts),
            "party_id": visits.party_id,
            "account_id": chosen.account_id,
            "instrument_id": nullable(chosen.instrument_id, chosen.instrument_id == 0),
            "device_id": chosen.device_id,
            "ip_id": chosen.ip_id,
            "session_id": session_id,
            "channel_group": dictionary(visits.channel, v.CHANNELS),
            "bucket_index": rows["bucket_index"],
            "ts_local_primary": rows["ts_local_primary"].cast(pl.Datetime("us")),
            "is_virtual": rows["is_virtual"].cast(pl.Boolean),
            "site_id": _or_null(rows["site_id"].to_numpy()),
            "edge_id": _or_null(rows["edge_id"].to_numpy()),
            **opened,
            "merchant_class": dictionary(merchants.demand_class[merchant], v.CLASSES),
            "merchant_country_iso": dictionary(merchant_country, plan.countries),
            "merchant_currency": dictionary(merchants.currency[merchant], merchants.currencies),
            "party_segment_id": dictionary(parties.segment[party], v.SEGMENTS),
            "party_country_iso": dictionary(party_country, plan.countries),
            "party_fraud_role": dictionary(parties.role[party], v.PARTY_FRAUD_ROLES),
            "is_cross_border": merchant_country != party_country,
            "attach_rule_id": dictionary(rows["rule"].to_numpy(), v.ATTACH_RULES),
            "attach_score": score,
            "attach_rng_family": dictionary(np.zeros(party.size, np.uint8), v.ATTACH_FAMILIES),
        }
    ).select(SESSION_ARRIVALS.names)


def _or_null(ids: I64) -> pl.Series:
    return nullable(ids, ids == 0)
