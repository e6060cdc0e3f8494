"""What `s4.campaign_map` may be, by the name of the knob's value: strategies, and the trap that is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.settings.knobs import CampaignMap
from seg6b.states.s4_labels.campaign_map import expression, join, lookup, trap
from seg6b.states.s4_labels.campaign_map.contract import Strategy

STRATEGIES: Final[Mapping[CampaignMap, Strategy]] = {
    "join": join.find,
    "expression": expression.find,
    "lookup": lookup.find,
}
CHOICES: Final[Mapping[CampaignMap, Strategy]] = {**STRATEGIES, "trap_lost_none": trap.find}
