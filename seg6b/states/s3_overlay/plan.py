"""The plan of a run: everything that is known before a row is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Dataset
from seg6b.datasets.tables import FLOWS
from seg6b.draws.mix import U64
from seg6b.errors import InputRefused
from seg6b.evidence import s3_draws as d
from seg6b.evidence.measure_s3 import CAMPAIGN_CANDIDATES, CAMPAIGN_PLAN
from seg6b.evidence.tables import DRAWS, Evidence
from seg6b.policy.campaign import HashTargets
from seg6b.policy.overlay import AmountOnly, TacticsOverlay
from seg6b.states.context import StateContext
from seg6b.states.s3_overlay.anomaly import Marker, marker_of
from seg6b.states.s3_overlay.census import take_census
from seg6b.states.s3_overlay.cohort import Cohorts, draw_cohorts
from seg6b.states.s3_overlay.instances import Horizon, Instance, Line, activate
from seg6b.states.s3_overlay.mutated import Names, names_of
from seg6b.states.s3_overlay.pools import draw_pools
from seg6b.states.s3_overlay.posture import I64, Posture, read_posture
from seg6b.states.s3_overlay.probes import Prober, prober_of
from seg6b.states.s3_overlay.sites import read_sites
from seg6b.states.s3_overlay.tactics import Toolbox, toolbox_of
from seg6b.states.s3_overlay.tally import tally_global
from seg6b.states.s3_overlay.targets import Seeker, Targets, choose_targets, seeker_of
from seg6b.world.sealed import SealedWorld

FULL_SCENARIO: Final = "FULL_SCENARIO"
TERMINALS: Final = ("POS_TERMINAL", "ATM", "KIOSK")
OPEN_IPS: Final = tuple(kind for kind, group in v.IP_GROUP_OF.items() if group in {"MOBILE_CARRIER", "PUBLIC_SHARED"})


@dataclass(frozen=True, slots=True)
class Hunt:
    """How the flows of campaigns are found.

    Attributes:
        seeker: finds candidates; None for hash targets.
        targets: thresholds; None for hash targets.
        quotas: targets wanted, by instance.
        domains: eligible targets, by instance.
        chosen: targets that won, by instance; 0 where only the second pass knows.
    """

    seeker: Seeker | None
    targets: Targets | None
    quotas: tuple[int, ...]
    domains: tuple[int, ...]
    chosen: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What both passes found out; the second pass reads it and nothing else.

    Attributes:
        instances: campaigns in template order; empty when campaigns are switched off.
        names: campaigns as columns need them.
        ranks: rank of each campaign id.
        words: hash of each campaign.
        hunt: how their flows are found.
        toolbox: tactics, None where only amounts are raised.
        amounts: the D+ overlay, None otherwise.
        prober: card testing probes, None without tactics.
        marker: the anomaly overlay, None when switched off or not in the policy.
        terminals: devices that belong to no customer, sorted.
        open_ips: carrier and public IPs, sorted.
        notes: evidence of the plan itself.
    """

    instances: tuple[Instance, ...]
    names: Names
    ranks: I64
    words: U64
    hunt: Hunt
    toolbox: Toolbox | None
    amounts: AmountOnly | None
    prober: Prober | None
    marker: Marker | None
    terminals: I64
    open_ips: I64
    notes: Evidence = field(default_factory=Evidence)


def make_plan(ctx: StateContext) -> Plan:
    """Activate, take the census, draw cohorts, choose targets, draw pools."""
    horizon = Horizon.of(ctx.world.start, ctx.world.end)
    policy, overlay = ctx.policy.campaign, ctx.policy.overlay
    line = activate(policy, ctx.draws, horizon) if ctx.policy.behaviour.overlay else Line(())
    instances = line.instances
    names = names_of(instances)
    with ctx.meter.lane("input"):
        posture, sites = read_posture(ctx.world), read_sites(ctx.world)
        terminals, open_ips = terminals_of(ctx.world), open_ips_of(ctx.world)
    notes = Evidence()
    hunt, cohorts = _hunt(ctx, instances, posture)
    toolbox, prober, marker = None, None, None
    if isinstance(overlay, TacticsOverlay):
        _require_mixes(overlay, instances)
        pools = draw_pools(overlay, instances, hunt.quotas, ctx.world, posture, ctx.draws)
        toolbox = toolbox_of(overlay, instances, pools, sites, ctx.draws)
        most = int(overlay.guards.max_new_flows_per_million * ctx.world.arrivals / 1e6)
        if ctx.policy.behaviour.anomaly_overlay:
            marker = marker_of(overlay.anomaly, posture, ctx.draws)
        prober = prober_of(overlay.probes, instances, hunt.chosen, most, ctx.draws)
    _note(notes, line, hunt, cohorts, toolbox)
    return Plan(
        instances=instances,
        names=names,
        ranks=np.argsort(np.argsort(np.array([i.campaign_id for i in instances]))),
        words=np.array([i.word for i in instances], np.uint64),
        hunt=hunt,
        toolbox=toolbox,
        amounts=overlay if isinstance(overlay, AmountOnly) else None,
        prober=prober,
        marker=marker,
        terminals=terminals,
        open_ips=open_ips,
        notes=notes,
    )


def terminals_of(world: SealedWorld) -> I64:
    """Devices that stand at a counter, by id, sorted."""
    return _ids(world, w.DEVICES, "device_id", "device_type", TERMINALS)


def open_ips_of(world: SealedWorld) -> I64:
    """IPs of carriers and public places, by id, sorted."""
    return _ids(world, w.IPS, "ip_id", "ip_type", OPEN_IPS)


def _ids(world: SealedWorld, table: Dataset, name: str, kind: str, kinds: Sequence[str]) -> I64:
    """Ids of the entities of some kinds, sorted."""
    found = world.table(table, (name, kind)).filter(pl.col(kind).cast(pl.String).is_in(list(kinds)))
    return found[name].sort().to_numpy()


def _hunt(ctx: StateContext, instances: Sequence[Instance], posture: Posture) -> tuple[Hunt, Cohorts | None]:
    policy = ctx.policy.campaign
    if not instances:
        return Hunt(None, None, (), (), ()), None
    if isinstance(policy, HashTargets):
        flows = ctx.inputs[FLOWS.name].rows
        quotas = tuple(int(i.wanted * flows / policy.authority_flows + 0.5) for i in instances)
        return Hunt(None, None, quotas, (flows,) * len(instances), (0,) * len(instances)), None
    census = take_census(ctx, instances)
    cohorts = draw_cohorts(policy.cohort, instances, census, ctx.draws)
    seeker = seeker_of(instances, policy, cohorts, posture, ctx.draws)
    targets = choose_targets(ctx, policy, instances, census, seeker)
    return Hunt(seeker, targets, targets.quotas, targets.candidates, targets.chosen), cohorts


def _require_mixes(overlay: TacticsOverlay, instances: Sequence[Instance]) -> None:
    missing = sorted({i.campaign_type for i in instances} - {str(kind) for kind in overlay.mix})
    if missing:
        raise InputRefused(
            "E_S3_NO_MIX",
            "campaigns without a mix of tactics",
            "policy/overlay mix",
            ", ".join(missing),
            "a mix for each campaign type of the catalogue",
            "Add the mix, or take the template out of policy/campaign.",
        )


def _note(notes: Evidence, line: Line, hunt: Hunt, cohorts: Cohorts | None, toolbox: Toolbox | None) -> None:
    """Quotas, domains and draws of the plan as evidence, on cell 0."""
    instances = line.instances
    ids = sorted(i.campaign_id for i in instances)
    pool = toolbox.pools.candidates if toolbox is not None else (0,) * len(instances)
    member = cohorts.candidates if cohorts is not None else (0,) * len(instances)
    rows: list[tuple[int, str, str, int]] = []
    for n, instance in enumerate(instances):
        drawn = instance.template is not None
        scheduled = drawn and instance.schedule_mode != FULL_SCENARIO
        items = {
            d.QUOTA: hunt.quotas[n],
            d.DOMAIN_SIZE: hunt.domains[n],
            d.CHOSEN: hunt.chosen[n],
            d.START_DRAWS: int(scheduled),
            d.BURST_DRAWS: int(instance.burst_us > 0),
            d.COHORT_DRAWS: member[n],
            d.HOURS_DRAWS: int(drawn),
            d.POOL_DRAWS: pool[n],
        }
        rows += [(0, instance.campaign_id, item, value) for item, value in items.items() if value]
    schema = _schema(ids, "item", d.PLAN_ITEMS)
    notes.put(CAMPAIGN_PLAN, pl.DataFrame(rows, schema=schema, orient="row"))
    for frame in line.draws:
        notes.put(DRAWS, frame)
    notes.put(DRAWS, tally_global(d.COHORT_MEMBER, sum(member)))
    notes.put(DRAWS, tally_global(d.COHORT_HOURS, sum(i.template is not None for i in instances)))
    notes.put(DRAWS, tally_global(d.SWAP_POOL, sum(pool)))
    _note_candidates(notes, instances, hunt, ids)


def _schema(ids: Sequence[str], key: str, values: Sequence[str]) -> dict[str, pl.DataType]:
    return {"cell": pl.UInt8(), "campaign_id": pl.Enum(ids), key: pl.Enum(values), "n": pl.Int64()}


def _note_candidates(notes: Evidence, instances: Sequence[Instance], hunt: Hunt, ids: Sequence[str]) -> None:
    schema = _schema(ids, "level", d.LEVELS)
    if hunt.targets is None:
        notes.put(CAMPAIGN_CANDIDATES, pl.DataFrame(schema=schema))
        return
    tallies = hunt.targets.tallies
    named = tallies.select(
        "cell",
        campaign_id=pl.Series([instances[i].campaign_id for i in tallies["instance"]], dtype=pl.Enum(ids)),
        level=pl.Series([d.LEVELS[i] for i in tallies["level"]], dtype=pl.Enum(d.LEVELS)),
        n="n",
    )
    notes.put(CAMPAIGN_CANDIDATES, named)
    for level, (family, decision) in enumerate((d.SELECT_TARGET, d.QUOTA_REALISATION)):
        drawn = tallies.filter(pl.col("level") == level).group_by("cell").agg(pl.col("n").sum())
        notes.put(
            DRAWS,
            drawn.select("cell", family=pl.lit(family, pl.String), decision=pl.lit(decision, pl.String), n=pl.col("n")),
        )
