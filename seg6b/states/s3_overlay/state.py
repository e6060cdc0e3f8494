"""S3: plan the campaigns, lay them over the flows, publish what came of it."""

from __future__ import annotations

from seg6b.datasets.tables import CAMPAIGNS, EVENTS, FLOWS
from seg6b.evidence.measure_s3 import measure_s3
from seg6b.shards.cells import CELLS
from seg6b.states.context import StateContext
from seg6b.states.mapping import Reads, transform
from seg6b.states.s3_overlay.catalogue import catalogue
from seg6b.states.s3_overlay.overlay import overlay_batch
from seg6b.states.s3_overlay.plan import make_plan

READS = Reads(FLOWS, FLOWS.names, EVENTS, EVENTS.names)


def run(ctx: StateContext) -> None:
    """Write the catalogue, and the flows and events with fraud.

    Two passes over a few columns of the flows plan (census, then the race for targets); one pass over all flows and
    events overlays them. The catalogue comes last: its counts are those of the published rows.
    """
    with ctx.meter.lane("compute"):
        plan = make_plan(ctx)
    ctx.output.note(plan.notes)
    transform(ctx, READS, lambda batch: overlay_batch(batch, plan, ctx.draws), measure_s3)
    if plan.instances:
        sink = ctx.output.sink(0)
        with ctx.meter.lane("compute"):
            published = catalogue(plan, ctx.output.evidence())
        sink.emit({CAMPAIGNS: published}, (0, CELLS - 1))
        sink.close()
