"""What the lines of a lane's history tell: seconds of a state, and the marker that it ended with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_MARKER: Final = re.compile(r"\b(?:UNLOCK|HOLD|GO)_[A-Z0-9._]*[A-Z0-9]")


def past_seconds(history: Sequence[str], state: str) -> list[tuple[int, float]]:
    """Number of the line, from 1, and the first seconds of `state` in it, for each line that has any.

    >>> past_seconds(["decision HOLD", "97b2: S4 1,403.78 s, S5 9 s"], "S4")
    [(2, 1403.78)]
    """
    found = [(k, re.search(rf"\b{re.escape(state)} ([\d,]+(?:\.\d+)?) s\b", line)) for k, line in enumerate(history, 1)]
    return [(k, float(match[1].replace(",", ""))) for k, match in found if match]


def past_marker(history: Sequence[str]) -> str:
    """The last marker that the lines name; empty where they name none.

    >>> past_marker(["S4 570.62 s", "decision HOLD_POPT.2_REOPEN: no candidate is faster."])
    'HOLD_POPT.2_REOPEN'
    """
    return next(iter(reversed(_MARKER.findall(" ".join(history)))), "")
