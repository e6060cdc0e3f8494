"""The strategies of `s4.timeline`, by the name of the knob's value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.settings.knobs import Timeline
from seg6b.states.s4_labels.timeline import filter_concat, long_form
from seg6b.states.s4_labels.timeline.contract import Strategy

STRATEGIES: Final[Mapping[Timeline, Strategy]] = {"filter_concat": filter_concat.tell, "long_form": long_form.tell}
