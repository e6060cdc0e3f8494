"""Sites: where a shifted flow may go: another site of its country, the merchant's own first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seg6b.datasets import world_tables as w
from seg6b.states.s3_overlay.posture import I64
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites in (country, merchant, id) order: a country and a merchant in it are ranges of this order.

    Attributes:
        ids: site ids.
        start: first place of the range that a site may shift within.
        stop: its end, exclusive.
        by_id: places in id order.
    """

    ids: I64
    start: I64
    stop: I64
    by_id: I64

    def choices(self, site_id: I64) -> tuple[I64, I64]:
        """Place of each site (-1 where unknown or 0) and how many other sites it may shift to."""
        if self.ids.size == 0:
            return np.full(site_id.size, -1), np.zeros(site_id.size, np.int64)
        sorted_ids = self.ids[self.by_id]
        at = np.minimum(np.searchsorted(sorted_ids, site_id), self.ids.size - 1)
        known = sorted_ids[at] == site_id
        place = np.where(known, self.by_id[at], -1)
        return place, np.where(known, self.stop[place] - self.start[place] - 1, 0)

    def shifted(self, place: I64, u: npt.NDArray[np.float64]) -> I64:
        """The site drawn by `u` among the others in the range of `place`."""
        others = self.stop[place] - self.start[place] - 1
        to = self.start[place] + np.minimum((u * others).astype(np.int64), others - 1)
        sites: I64 = self.ids[to + (to >= place)]
        return sites


def read_sites(world: SealedWorld) -> Sites:
    """The sites of the world."""
    table = world.table(w.SITES, ("site_id", "merchant_id", "country_iso"))
    country = table["country_iso"].to_physical().to_numpy().astype(np.int64)
    merchant, ids = table["merchant_id"].to_numpy(), table["site_id"].to_numpy()
    order = np.lexsort((ids, merchant, country))
    own = _ranges(country[order], merchant[order])
    wide = _ranges(country[order], np.zeros(order.size, np.int64))
    alone = own[1] - own[0] <= 1
    start, stop = np.where(alone, wide[0], own[0]), np.where(alone, wide[1], own[1])
    return Sites(ids[order], start, stop, np.argsort(ids[order], kind="stable"))


def _ranges(first: I64, second: I64) -> tuple[I64, I64]:
    """Start and stop of the run of equal (first, second) that each entry lies in."""
    size = first.size
    if size == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    new = np.concatenate([[True], (first[1:] != first[:-1]) | (second[1:] != second[:-1])])
    starts = np.flatnonzero(new)
    run = np.cumsum(new) - 1
    return starts[run], np.append(starts[1:], size)[run]
