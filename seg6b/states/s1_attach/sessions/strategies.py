"""The strategies of `s1.sessions`, by the name of the knob's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.settings.knobs import Sessions
from seg6b.states.s1_attach.sessions import bucketed, two_pass
from seg6b.states.s1_attach.sessions.contract import Strategy

STRATEGIES: Final[Mapping[Sessions, Strategy]] = {
    "two_pass": two_pass.consolidate,
    "bucketed": bucketed.consolidate,
}
