"""Frames: the channels, flow types and windows in which an instance looks for targets.

A flow inside the frame of an instance is a pair (row, instance); it lies in the burst of the instance's windows
(wave 1) or in the rest of them (wave 0). Slot = 2 x instance + wave.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import codes_of, micros_of
from seg6b.draws.compiled import kernel
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I32, I64


class Frames(NamedTuple):
    """The frames of all instances, as kernels read them; first axis = instance, bit masks over vocabularies."""

    channels: I64
    flow_types: I64
    starts_us: I64
    n_windows: I64
    window_us: I64
    burst_start_us: I64
    burst_us: I64


@dataclass(frozen=True, slots=True)
class Pairs:
    """Flows inside frames, by row and then by instance."""

    row: I64
    slot: I64

    @property
    def instance(self) -> I64:
        """Instance of each pair."""
        return self.slot >> 1


def frames_of(instances: Sequence[Instance]) -> Frames:
    """The frames of instances of the full catalogue."""
    width = max((len(i.starts_us) for i in instances), default=1)
    starts = np.zeros((len(instances), width), np.int64)
    for row, instance in enumerate(instances):
        starts[row, : len(instance.starts_us)] = instance.starts_us
    templates = [i.template for i in instances if i.template is not None]
    return Frames(
        channels=np.array([bits(v.CHANNELS, t.channels) for t in templates], np.int64),
        flow_types=np.array([bits(v.FLOW_TYPES, t.flow_types) for t in templates], np.int64),
        starts_us=starts,
        n_windows=np.array([len(i.starts_us) for i in instances], np.int64),
        window_us=np.array([i.window_us for i in instances], np.int64),
        burst_start_us=np.array([i.burst_start_us for i in instances], np.int64),
        burst_us=np.array([i.burst_us for i in instances], np.int64),
    )


def bits(vocabulary: Sequence[str], members: Sequence[str] | None) -> int:
    """Bit set of `members` over a vocabulary; None means all."""
    chosen = vocabulary if members is None else members
    return sum(1 << vocabulary.index(m) for m in chosen)


def pairs_of(flows: pl.DataFrame, frames: Frames) -> Pairs:
    """Pairs of a batch; reads `ts_utc`, `channel_group`, `flow_type_id`."""
    ts, channel, kind = micros_of(flows["ts_utc"]), codes_of(flows["channel_group"]), codes_of(flows["flow_type_id"])
    capacity = 4096 + ts.size
    while True:
        row, slot = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
        found = _pair(ts, channel, kind, frames, row, slot)
        if found <= capacity:
            return Pairs(row[:found], slot[:found])
        capacity = int(found)


@kernel
def _window_offset(starts: I64, i: int, n: int, length: int, ts: int) -> int:
    """Time since the start of the window of instance `i` that holds `ts`, or -1; windows ascend."""
    for j in range(n):
        offset: int = ts - starts[i, j]
        if offset < 0:
            return -1
        if offset < length:
            return offset
    return -1


@kernel
def _pair(ts: I64, channel: I32, flow_type: I32, frames: Frames, out_row: I64, out_slot: I64) -> int:
    """Fill the pairs; returns how many there are, which may exceed the room (then call again)."""
    channels, flow_types, starts = frames.channels, frames.flow_types, frames.starts_us
    n_windows, window, burst_start, burst = frames.n_windows, frames.window_us, frames.burst_start_us, frames.burst_us
    found = 0
    for r in range(ts.size):
        for i in range(channels.size):
            if (channels[i] >> channel[r]) & (flow_types[i] >> flow_type[r]) & 1 == 0:
                continue
            offset = _window_offset(starts, i, n_windows[i], window[i], ts[r])
            if offset < 0:
                continue
            if found < out_row.size:
                out_row[found] = r
                out_slot[found] = 2 * i + (1 if 0 <= offset - burst_start[i] < burst[i] else 0)
            found += 1
    return found
