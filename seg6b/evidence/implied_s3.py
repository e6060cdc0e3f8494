"""The draws that S3's other evidence and the policies imply, by cell: what S5 compares the counted draws with.

Whether a decision draws is settled by the policy: a tactic is drawn for every campaign flow that has room for one,
also where the world leaves a single tactic that fits.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from seg6b.datasets.vocabulary import TACTICS
from seg6b.evidence import s3_draws as d
from seg6b.evidence.tables import Evidence
from seg6b.policy.campaign import Catalogue
from seg6b.policy.overlay import AmountOnly, TacticsOverlay, varies
from seg6b.policy.packs import Policies

_Rows = tuple[d.Decision, pl.DataFrame]
_SCHEMA = {"cell": pl.UInt8, "family": pl.String, "decision": pl.String, "n": pl.Int64}
_PROBE = "PURE_FRAUD_FLOW"


def implied_draws(evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Draws by cell, family and decision, only counts above zero.

    Args:
        evidence: evidence of S3, merged or not.
        policy: the packs that S3 ran with.
    """
    found = [*_activation(evidence, policy), *_targeting(evidence, policy), *_mutation(evidence, policy)]
    frames = [
        rows.select(
            pl.col("cell").cast(pl.UInt8),
            family=pl.lit(decision[0], pl.String),
            decision=pl.lit(decision[1], pl.String),
            n=pl.col("n").cast(pl.Int64),
        )
        for decision, rows in found
    ]
    keys = ("cell", "family", "decision")
    counted = pl.concat([pl.DataFrame(schema=_SCHEMA), *frames]).group_by(keys).agg(pl.col("n").sum())
    return counted.filter(pl.col("n") > 0).sort(keys)


def _activation(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack = policy.campaign
    if policy.behaviour.overlay and isinstance(pack, Catalogue):
        drawn = sum(t.activation.draws for t in pack.templates)
        yield d.ACTIVATE_TEMPLATE, pl.DataFrame({"cell": [0], "n": [drawn]})
    for item, decision in (
        (d.START_DRAWS, d.SCHEDULE_START),
        (d.BURST_DRAWS, d.BURST_START),
        (d.COHORT_DRAWS, d.COHORT_MEMBER),
        (d.HOURS_DRAWS, d.COHORT_HOURS),
        (d.POOL_DRAWS, d.SWAP_POOL),
    ):
        yield decision, evidence.table("campaign_plan").filter(_text("item") == item)


def _targeting(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, candidates = policy.campaign, evidence.table("campaign_candidates")
    if isinstance(pack, Catalogue):
        yield d.SELECT_TARGET, candidates.filter(_text("level") == d.TARGET_LEVEL)
        yield d.QUOTA_REALISATION, candidates.filter(_text("level") == d.MERCHANT_FLOW_LEVEL)
    elif policy.behaviour.overlay:
        races = sum(pack.threshold_ppm(t) > 0 for t in pack.templates)
        flows = evidence.table("flows").filter(_text("origin_type") != _PROBE)
        yield d.SELECT_TARGET, flows.with_columns(n=pl.col("n") * races)


def _mutation(evidence: Evidence, policy: Policies) -> Iterator[_Rows]:
    pack, overlay = policy.overlay, evidence.table("overlay")
    baseline, probes = overlay.filter(_text("origin_type") != _PROBE), overlay.filter(_text("origin_type") == _PROBE)
    if isinstance(pack, AmountOnly):
        yield d.APPLY_MUTATION_PARAM, baseline
        return
    yield from _tactics(baseline, pack)
    yield from _probes(probes, evidence.table("campaign_targets"), pack)
    if policy.behaviour.anomaly_overlay:
        domain = evidence.table("anomaly_domain").filter(pl.col("settled"))
        yield d.OVERLAY_ANOMALY, domain.filter(_text("channel_group").is_in(list(pack.anomaly.channels)))


def _tactics(baseline: pl.DataFrame, pack: TacticsOverlay) -> Iterator[_Rows]:
    room = pl.lit(pack.guards.max_mutations_per_flow) - _uses("CAMPAIGN_DECLINE").cast(pl.Int64)
    if pack.decline.share < 1.0:
        yield d.CAMPAIGN_DECLINE, baseline.filter(_text("campaign_type") == pack.decline.campaign_type)
    yield d.SELECT_TACTIC, baseline.filter(room >= 1)
    yield d.SECOND_TACTIC, baseline.filter(room >= 2)
    if varies(pack.tactics.amount_upshift.factor):
        yield d.APPLY_MUTATION_PARAM, baseline.filter(_uses("AMOUNT_UPSHIFT"))
    if varies(pack.tactics.burst_timing.factor):
        yield d.APPLY_MUTATION_PARAM, baseline.filter(_uses("BURST_TIMING"))
    yield d.SELECT_SWAP_CANDIDATE, baseline.filter(_uses("IP_SWAP_ANON") | _uses("DEVICE_SWAP_SHARED"))
    yield d.SELECT_ROUTING_ANOMALY, baseline.filter(_uses("SITE_SHIFT"))


def _probes(probes: pl.DataFrame, targets: pl.DataFrame, pack: TacticsOverlay) -> Iterator[_Rows]:
    yield d.PROBE_COUNT, targets.select("cell", n="probed")
    yield d.PROBE_DECLINE, probes
    if varies(pack.probes.gap_s):
        yield d.PROBE_GAP, probes
    if varies(pack.probes.amount_minor):
        yield d.PROBE_AMOUNT, probes
    if varies(pack.probes.response_s):
        yield d.PROBE_RESPONSE, probes


def _uses(tactic: str) -> pl.Expr:
    return (pl.col("tactic_ids") & (1 << TACTICS.index(tactic))) != 0


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)
