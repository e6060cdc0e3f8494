"""Reading a threshold back from its words, so that a strip can draw it where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_NUMBER: Final = r"[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?"
_BAND: Final = re.compile(rf"[\[(]\s*({_NUMBER})\s*,\s+({_NUMBER})\s*[\])]", re.IGNORECASE)
_BOUND: Final = re.compile(rf"(>=|<=|==|>|<|=|≥|≤)\s*({_NUMBER})(?:\s*/\s*(\d+))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Zone:
    """Where a value passes: `low` to `high`, each open where None."""

    low: float | None
    high: float | None

    @property
    def bounds(self) -> tuple[float, ...]:
        """The finite ends."""
        return tuple(x for x in (self.low, self.high) if x is not None)

    def margin(self, value: float) -> float:
        """Signed distance of `value` from the nearest end, positive inside."""
        sides = [value - self.low] if self.low is not None else []
        return min([*sides, self.high - value] if self.high is not None else sides)


def zone(rule: str, value: float | None, margin: float | None) -> Zone | None:
    """The zone that `rule` names; of several bounds the one that explains `margin`, else the first.

    >>> zone("in [0.3, 8]", None, None)
    Zone(low=0.3, high=8.0)
    >>> zone("campaigns >= 4, V >= 0.03", 0.2, 0.17)
    Zone(low=0.03, high=None)
    >>> zone("= 0", None, None), zone("strong differentiation", None, None)
    (Zone(low=0.0, high=0.0), None)
    """
    found = [Zone(_float(low), _float(high)) for low, high in _BAND.findall(rule)]
    found += [_bound(*parts) for parts in _BOUND.findall(_BAND.sub(" ", rule))]
    if not found:
        return None
    if value is None or margin is None:
        return found[0]
    return min(found, key=lambda z: abs(z.margin(value) - margin))


def _bound(sign: str, number: str, divisor: str) -> Zone:
    at = _float(number) / (float(divisor) if divisor else 1.0)
    if sign in (">=", ">", "≥"):
        return Zone(at, None)
    return Zone(None, at) if sign in ("<=", "<", "≤") else Zone(at, at)


def _float(text: str) -> float:
    return float(text.replace(",", ""))
