"""Local time without a time-zone database at run time: offsets and local hours of the week, by zone and hour."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from seg6b.world.generate.countries import COUNTRIES
from seg6b.world.generate.offsets import OFFSETS
from seg6b.world.generate.recipe import HOURS, START
from seg6b.world.generate.rhythms import WEEK

ZONES: Final = tuple(sorted(OFFSETS))
ISO: Final = tuple(c.iso for c in COUNTRIES)
CURRENCIES: Final = tuple(sorted({c.currency for c in COUNTRIES}))


@cache
def offset_minutes() -> npt.NDArray[np.int32]:
    """Minutes east of UTC: shape (zones, hours of the horizon)."""
    table = np.empty((len(ZONES), HOURS), np.int32)
    for index, zone in enumerate(ZONES):
        for since, minutes in OFFSETS[zone]:
            table[index, since:] = minutes
    return table


@cache
def week_hours() -> npt.NDArray[np.int32]:
    """Local hour of the week at the start of each hour, Monday 00:00 = 0: shape (zones, hours)."""
    monday = START.weekday() * 1440 + np.arange(HOURS, dtype=np.int32) * 60
    return ((monday + offset_minutes()) // 60 % WEEK).astype(np.int32)
