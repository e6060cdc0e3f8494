"""Strategies as the build plan found them: what each rival is held against when it is asked what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

PLAN: Final = {
    "s1.attach": "join_chain",
    "s1.sessions": "two_pass",
    "s2.writer": "per_batch",
    "s3.writer": "per_batch",
    "s4.event_labels": "recompute",
    "s4.campaign_map": "join",
    "s4.timeline": "filter_concat",
    "s4.columns": "all",
    "s4.writer": "per_batch",
}


def state_of(key: str) -> str:
    """The state that a strategy belongs to.

    >>> state_of("s4.event_labels")
    'S4'
    """
    return key.split(".", 1)[0].upper()


def strategies_in(knobs: Mapping[str, Any], state: str = "") -> dict[str, str]:
    """The strategies among the knobs of a run, of one state or of all.

    >>> strategies_in({"s4.columns": "pruned", "s4.batch_rows": 5}, "S4")
    {'s4.columns': 'pruned'}
    """
    return {key: str(knobs[key]) for key in PLAN if key in knobs and state in {"", state_of(key)}}
