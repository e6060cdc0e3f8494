"""The census: how many flows each instance's domain holds, and which classes, countries and zones its windows see.

One cheap pass over a few dictionary columns, before anything is drawn: quotas are rates of the domain, and a cohort
may only be drawn from values that exist in the windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import categories_of, codes_of
from seg6b.datasets.tables import FLOWS
from seg6b.states.context import StateContext
from seg6b.states.mapping import Batch, Reads, scan
from seg6b.states.s3_overlay.frames import Frames, frames_of, pairs_of
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I64

DIMENSIONS: Final = ("merchant_class", "merchant_country_iso", "party_country_iso", "tzid_primary")
READS: Final = Reads(FLOWS, ("party_id", "ts_utc", "channel_group", "flow_type_id", *DIMENSIONS))


@dataclass(frozen=True, slots=True)
class Census:
    """Counts by instance: flows of the domain, and flows in the windows by the values of each dimension."""

    domain_flows: I64
    values: tuple[tuple[str, ...], ...]
    counts: tuple[I64, ...]

    def present(self, dimension: int, instance: int) -> list[tuple[str, int]]:
        """Values that the instance's windows hold, with their flows, in name order."""
        counts = self.counts[dimension][instance]
        names = self.values[dimension]
        return sorted((names[i], int(counts[i])) for i in np.flatnonzero(counts))


def take_census(ctx: StateContext, instances: Sequence[Instance]) -> Census:
    """Scan the flows once and add up."""
    frames = frames_of(instances)
    found = scan(ctx, READS, lambda batch: _count_batch(batch, frames))
    total = np.zeros(len(instances), np.int64)
    values, counts = [], []
    for dimension in range(len(DIMENSIONS)):
        names = tuple(sorted({n for piece in found for n in piece.values[dimension]}))
        place = {name: i for i, name in enumerate(names)}
        summed = np.zeros((len(instances), len(names)), np.int64)
        for piece in found:
            at = [place[n] for n in piece.values[dimension]]
            summed[:, at] += piece.counts[dimension]
        values.append(names)
        counts.append(summed)
    for piece in found:
        total += piece.domain_flows
    return Census(total, tuple(values), tuple(counts))


def _count_batch(batch: Batch, frames: Frames) -> Census:
    flows = batch.anchor
    size = frames.channels.size
    pairs = pairs_of(flows, frames)
    values = tuple(categories_of(flows[d]) for d in DIMENSIONS)
    counts = []
    for dimension, names in zip(DIMENSIONS, values, strict=True):
        place = pairs.instance * len(names) + codes_of(flows[dimension])[pairs.row]
        counts.append(np.bincount(place, minlength=size * len(names)).reshape(size, len(names)))
    kinds = codes_of(flows["channel_group"]) * len(v.FLOW_TYPES) + codes_of(flows["flow_type_id"])
    held = np.bincount(kinds, minlength=len(v.CHANNELS) * len(v.FLOW_TYPES)).reshape(len(v.CHANNELS), -1)
    channels, types = _unpacked(frames.channels, len(v.CHANNELS)), _unpacked(frames.flow_types, len(v.FLOW_TYPES))
    return Census(np.einsum("ic,ct,it->i", channels, held, types), values, tuple(counts))


def _unpacked(masks: I64, size: int) -> I64:
    """Bit sets as rows of zeros and ones."""
    return (masks[:, None] >> np.arange(size)) & 1
