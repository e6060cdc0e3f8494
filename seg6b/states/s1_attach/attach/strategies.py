"""The strategies of `s1.attach`, by the name of the knob's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.settings.knobs import Attach
from seg6b.states.s1_attach.attach import csr_gather, dict_map, join_chain, list_gather
from seg6b.states.s1_attach.attach.contract import Strategy

STRATEGIES: Final[Mapping[Attach, Strategy]] = {
    "join_chain": join_chain.prepare,
    "list_gather": list_gather.prepare,
    "dict_map": dict_map.prepare,
    "csr_gather": csr_gather.prepare,
}
