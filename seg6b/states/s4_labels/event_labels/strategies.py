"""The strategies of `s4.event_labels`, by the name of the knob's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.settings.knobs import EventLabels
from seg6b.states.s4_labels.event_labels import carry, flow_join, fused, recompute
from seg6b.states.s4_labels.event_labels.contract import Strategy

STRATEGIES: Final[Mapping[EventLabels, Strategy]] = {
    "recompute": recompute.label,
    "carry": carry.label,
    "flow_join": flow_join.label,
    "fused": fused.label,
}
