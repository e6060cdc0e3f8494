"""Everything that S1 prepares once: merchants, candidates, weights, pools, schedules, words of decisions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seg6b.policy.activity import Always
from seg6b.policy.attachment import CHANNELS
from seg6b.states.context import StateContext
from seg6b.states.s1_attach.arrivals import open_categories
from seg6b.states.s1_attach.attach.contract import Law, Link
from seg6b.states.s1_attach.attach.strategies import STRATEGIES
from seg6b.states.s1_attach.choices import Openings, find_openings
from seg6b.states.s1_attach.entities import Held, Parties, read_countries, read_entities
from seg6b.states.s1_attach.links import link_keys
from seg6b.states.s1_attach.merchants import Merchants, read_merchants
from seg6b.states.s1_attach.party import PARTY_DECISIONS, Awake, PartyKeys, awake_schedule, party_keys
from seg6b.states.s1_attach.pools import Pools, build_pools, party_weights
from seg6b.states.s1_attach.weights import Weights, build_weights, is_segmented

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Plan:
    """What every arrival is decided by.

    Attributes:
        countries: names of the country codes.
        merchants: merchants of the world.
        parties: eligible parties, in pool order.
        held: their candidates.
        weights: the prior as arrays.
        base: weight of each party.
        pools: how likely each party is.
        home_country: country of each merchant whose home pool counts, -1 where none does.
        rule_no_home: rule of an arrival that has no home pool.
        awake: when parties are awake.
        decisions: names of the decisions about candidate, stay and party away.
        party_keys: words of these.
        link: attaches accounts, instruments, devices and IPs, by the strategy of the run.
        openings: where accounts and instruments are one of several.
        categories: categories of the open dictionary columns of arrivals.
    """

    countries: list[str]
    merchants: Merchants
    parties: Parties
    held: Held
    weights: Weights
    base: F64
    pools: Pools
    home_country: I32
    rule_no_home: str
    awake: Awake
    decisions: tuple[str, str, str]
    party_keys: PartyKeys
    link: Link
    openings: Openings
    categories: dict[str, tuple[str, ...]]


def prepare(ctx: StateContext) -> Plan:
    """Read the world's tables and the policy into a plan."""
    attachment, draws = ctx.policy.attachment, ctx.draws
    uniform = attachment.kind == "uniform"
    activity = _ALWAYS if attachment.kind == "uniform" else ctx.policy.activity
    weights = build_weights(ctx.policy)
    with ctx.meter.lane("input"):
        countries = read_countries(ctx.world)
    merchants = read_merchants(ctx, countries)
    with ctx.meter.lane("input"):
        parties, held = read_entities(ctx.world, attachment, countries, merchants.merchant_id)
        categories = open_categories(ctx.world.arrival_parts())
    base = party_weights(parties, attachment, activity, draws)
    pools = build_pools(parties, countries, base, weights, activity=activity, one_pool=uniform)
    served = () if attachment.kind == "uniform" else attachment.instrument_optional
    optional = np.array([channel in served for channel in CHANNELS])
    with ctx.meter.lane("compute"):
        link = STRATEGIES[ctx.knobs.attach](held, Law(weights, link_keys(draws), optional))
    segmented = is_segmented(ctx.policy)
    home_country = merchants.country if segmented else np.full_like(merchants.country, -1)
    candidate, stay, away = PARTY_DECISIONS
    decisions = (candidate, stay, candidate if uniform else away)
    return Plan(
        countries=countries,
        merchants=merchants,
        parties=parties,
        held=held,
        weights=weights,
        base=base,
        pools=pools,
        home_country=home_country,
        rule_no_home="UNIFORM_GLOBAL" if uniform else "GLOBAL_NO_HOME_PARTY" if segmented else "GLOBAL",
        awake=awake_schedule(activity, draws),
        decisions=decisions,
        party_keys=party_keys(draws, decisions),
        link=link,
        openings=find_openings(held, weights, pools, optional, home_country),
        categories=categories,
    )


_ALWAYS = Always(schema_version=1, policy_id="activity", policy_version="v1", kind="always")
