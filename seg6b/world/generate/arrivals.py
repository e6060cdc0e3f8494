"""The arrival stream: each merchant's arrivals walk along its own cumulated intensity.

The intensity of an hour is the merchant's rhythm in the local time of its zones, times a factor of the day and a
factor of the hour whose variance is that of a Poisson count with mild overdispersion. Arrival `k` of `n` lies at
`(k + u_k) / n` of the cumulated intensity, so arrivals come out in time order, `arrival_seq` is `k + 1`, times are
uniform inside their hour, and any range of `k` can be made without the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtri

from seg6b.datasets.frames import dictionary, nullable, utc
from seg6b.datasets.vocabulary import CLASSES
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import draw, entity2
from seg6b.draws.quantile import build_table, lookup, significant
from seg6b.world.generate.merchants import KINDS, Merchants
from seg6b.world.generate.places import Places
from seg6b.world.generate.recipe import HOURS, START_US, Recipe
from seg6b.world.generate.rhythms import week_of
from seg6b.world.generate.zones import ZONES, offset_minutes, week_hours

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

HOUR_US: Final = 3_600_000_000
DAY_SIGMA: Final = 0.10
OVERDISPERSION: Final = 0.02
# The hour factor is log-normal; its variance follows the mean count, from one of these tables.
MEAN_STEPS: Final = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MIXED: Final = ("mixed",)


@dataclass(frozen=True, slots=True)
class Span:
    """Arrivals `start .. stop` of one merchant."""

    merchant: int
    start: int
    stop: int


def plan_parts(recipe: Recipe, merchants: Merchants) -> list[list[Span]]:
    """Spans of each file, in order of merchant id; files differ by at most one row, a merchant may span several."""
    order = np.argsort(merchants.merchant_id, kind="stable")
    sizes = merchants.size[order]
    ends = np.cumsum(sizes)
    cuts = np.arange(1, recipe.parts + 1) * recipe.arrivals // recipe.parts
    parts: list[list[Span]] = []
    at = 0
    for cut in cuts.tolist():
        spans = []
        while at < cut:
            i = int(np.searchsorted(ends, at, side="right"))
            begin = int(ends[i] - sizes[i])
            stop = min(cut, int(ends[i]))
            spans.append(Span(int(order[i]), at - begin, stop - begin))
            at = stop
        parts.append(spans)
    return parts


@cache
def _noise_tables() -> F64:
    """Quantiles of the factors, mean 1: one row a day factor, then one row a step of the mean count."""
    variances = [DAY_SIGMA * DAY_SIGMA, *(1.0 / m + OVERDISPERSION for m in MEAN_STEPS)]
    return np.stack([_lognormal(v) for v in variances])


def _lognormal(variance: float) -> F64:
    s2 = significant(float(np.log1p(variance)))
    s = significant(float(np.sqrt(s2)))
    return build_table(lambda u: np.exp(s * ndtri(u) - s2 / 2.0), 0.0, float(np.exp(s * 5.0 - s2 / 2.0)))


@kernel
def _cumulate(
    cum: F64, week: F64, zone_hours: npt.NDArray[np.int32], weight: F64, noise: F64, merchant: int, size: int,
    day_key: np.uint64, hour_key: np.uint64, steps: F64,
) -> None:
    """Cumulated intensity at the end of each hour, last entry = total."""
    hours = cum.size
    for h in range(hours):
        rate = 0.0
        for z in range(weight.size):
            rate += weight[z] * week[zone_hours[z, h]]
        cum[h] = rate * lookup(noise[0], draw(entity2(merchant, h // 24), day_key))
    scale = 0.0
    for h in range(hours):
        scale += cum[h]
    scale = size / scale
    total = 0.0
    for h in range(hours):
        mean = cum[h] * scale
        step = 0
        while step < steps.size - 1 and mean > steps[step]:
            step += 1
        total += mean * lookup(noise[1 + step], draw(entity2(merchant, h), hour_key))
        cum[h] = total


@kernel
def _walk(
    seq: I64, ts: I64, hour: npt.NDArray[np.int32], rate: F64, cum: F64, merchant: int, size: int, start: int,
    key: np.uint64,
) -> None:
    """Time of each arrival of one span, and the intensity of its hour."""
    total = cum[cum.size - 1]
    h = 0
    for i in range(seq.size):
        k = start + i
        place = (k + draw(entity2(merchant, k + 1), key)) / size * total
        while h < cum.size - 1 and place >= cum[h]:
            h += 1
        low = cum[h - 1] if h > 0 else 0.0
        inside = np.int64((place - low) / (cum[h] - low) * HOUR_US)
        seq[i] = k + 1
        hour[i] = h
        rate[i] = cum[h] - low
        ts[i] = START_US + h * HOUR_US + min(max(inside, 0), HOUR_US - 1)


@kernel
def _place(
    place: npt.NDArray[np.int32], zone: npt.NDArray[np.int32], local: I64, site: I64, edge: I64, virtual: npt.NDArray[np.bool_],
    seq: I64, ts: I64, hour: npt.NDArray[np.int32], week: F64, zone_hours: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int32], zones: npt.NDArray[np.int32], weight: F64, first_site: I64, sites: I64, edge_id: I64,
    site_id: I64, first_place: int, merchant: int, virtual_share: float, zone_key: np.uint64, site_key: np.uint64,
    virtual_key: np.uint64,
) -> None:
    """Zone, local time, and site or edge of each arrival of one span."""
    rates = np.empty(weight.size, np.float64)
    for i in range(seq.size):
        entity = entity2(merchant, seq[i])
        z = 0
        if weight.size > 1:
            total = 0.0
            for j in range(weight.size):
                total += weight[j] * week[zone_hours[j, hour[i]]]
                rates[j] = total
            u = draw(entity, zone_key) * total
            while z < weight.size - 1 and u >= rates[z]:
                z += 1
        place[i] = first_place + z
        zone[i] = zones[z]
        local[i] = ts[i] + offsets[z, hour[i]] * np.int64(60_000_000)
        is_virtual = sites[z] == 0 or (virtual_share > 0.0 and draw(entity, virtual_key) < virtual_share)
        virtual[i] = is_virtual
        edge[i] = edge_id[z] if is_virtual else 0
        site[i] = 0 if is_virtual else site_id[first_site[z] + np.int64(draw(entity, site_key) * sites[z])]


def make_arrivals(recipe: Recipe, merchants: Merchants, places: Places, spans: list[Span]) -> pl.DataFrame:
    """The rows of one file, in the order (merchant_id, ts_utc, arrival_seq)."""
    rows = sum(s.stop - s.start for s in spans)
    columns = _Columns(rows)
    at = 0
    for span in spans:
        _fill(recipe, merchants, places, span, columns, at)
        at += span.stop - span.start
    return columns.frame(places)


class _Columns:
    """Arrays of one file, filled span by span."""

    def __init__(self, rows: int) -> None:
        self.merchant = np.empty(rows, np.int64)
        self.seq = np.empty(rows, np.int64)
        self.ts = np.empty(rows, np.int64)
        self.hour = np.empty(rows, np.int32)
        self.rate = np.empty(rows, np.float64)
        self.place = np.empty(rows, np.int32)
        self.zone = np.empty(rows, np.int32)
        self.local = np.empty(rows, np.int64)
        self.site = np.empty(rows, np.int64)
        self.edge = np.empty(rows, np.int64)
        self.virtual = np.empty(rows, np.bool_)

    def frame(self, places: Places) -> pl.DataFrame:
        """The contract frame."""
        zone = dictionary(self.zone, ZONES)
        return pl.DataFrame({
            "merchant_id": self.merchant,
            "arrival_seq": self.seq,
            "ts_utc": utc(self.ts),
            "bucket_index": self.hour,
            "zone_representation": zone,
            "channel_group": dictionary(np.zeros(self.seq.size, np.int32), MIXED),
            "tzid_primary": zone,
            "ts_local_primary": pl.Series(self.local).cast(pl.Datetime("us")),
            "is_virtual": self.virtual,
            "site_id": nullable(self.site, self.virtual),
            "edge_id": nullable(self.edge, ~self.virtual),
            "routing_universe_hash": dictionary(self.place, places.routing),
            "lambda_realised": self.rate,
        })


def _fill(recipe: Recipe, merchants: Merchants, places: Places, span: Span, columns: _Columns, at: int) -> None:
    m = span.merchant
    rows = slice(at, at + span.stop - span.start)
    own = slice(int(places.first[m]), int(places.first[m + 1]))
    zones = places.zone[own]
    week = week_of(CLASSES[merchants.demand_class[m]])
    zone_hours = week_hours()[zones]
    key = recipe.draws.key
    cum = np.empty(HOURS)
    size = int(merchants.size[m])
    _cumulate(
        cum, week, zone_hours, places.weight[own], _noise_tables(), m, size,
        key("world.arrivals", "day_factor"), key("world.arrivals", "hour_factor"), np.array(MEAN_STEPS),
    )  # fmt: skip
    columns.merchant[rows] = merchants.merchant_id[m]
    _walk(
        columns.seq[rows], columns.ts[rows], columns.hour[rows], columns.rate[rows], cum, m, size, span.start,
        key("world.arrivals", "time"),
    )  # fmt: skip
    hybrid = merchants.hybrid_share if merchants.kind[m] == KINDS.index("HYBRID") else 0.0
    _place(
        columns.place[rows], columns.zone[rows], columns.local[rows], columns.site[rows], columns.edge[rows],
        columns.virtual[rows], columns.seq[rows], columns.ts[rows], columns.hour[rows], week, zone_hours,
        offset_minutes()[zones], zones, places.weight[own], places.first_site[own], places.sites[own],
        places.edge_id[own], places.site_id, int(places.first[m]), m, hybrid,
        key("world.arrivals", "zone"), key("world.arrivals", "site"), key("world.arrivals", "virtual"),
    )  # fmt: skip
