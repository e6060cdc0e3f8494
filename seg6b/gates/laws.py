"""A policy law as a target: its CDF after truncation, from the formula and not from the tables that draws read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.gates.record import Scene
from seg6b.policy.laws import Bounded
from seg6b.stats.distance import (
    Cdf,
    jensen_shannon,
    ks_at_edges,
    ks_beyond_noise,
    wasserstein,
    wasserstein_beyond_noise,
)

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
MILLI = 1e-3
SUPPORT_POINTS = 4096
BISECTIONS = 100
BITS = 11
HALF = 1 << (BITS - 1)


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples in whole milliseconds, gathered in bins of 1024 an octave.

    At most a bin's mass, about 0.1 %, can hide inside a bin; below two seconds a bin is one millisecond.

    Attributes:
        low: smallest millisecond of each bin, ascending.
        high: largest millisecond of each bin.
        n: samples in each bin.
        at: samples exactly on each bound of the law, by millisecond.
    """

    low: I64
    high: I64
    n: I64
    at: dict[int, int]

    @classmethod
    def of(cls, ms: npt.ArrayLike, n: npt.ArrayLike, law: Bounded) -> Samples:
        """Gather (millisecond, count) rows, in any order, for comparison with `law`."""
        values, counts = np.asarray(ms, np.int64), np.asarray(n, np.int64)
        shift = np.maximum(np.frexp(values.astype(np.float64))[1] - BITS, 0).astype(np.int64)
        gathered = np.bincount(shift * HALF + (values >> shift), counts)
        code = np.flatnonzero(gathered)
        shift = np.maximum(code // HALF - 1, 0)
        low = (code - shift * HALF) << shift
        bounds = {round(b / MILLI) for b in (law.min, law.max)}
        at = {b: int(counts[values == b].sum()) for b in bounds}
        return cls(low, low + (np.int64(1) << shift) - 1, gathered[code].astype(np.int64), at)

    @property
    def size(self) -> int:
        """Samples."""
        return int(self.n.sum())


@dataclass(frozen=True, slots=True)
class Fit:
    """How far samples on a millisecond grid lie from their law.

    Attributes:
        n: samples.
        ks: largest distance between the CDFs.
        ks_corrected: `ks - 1.36/sqrt(n)`.
        w1_of_median: Wasserstein-1 distance over the law's median.
        w1_corrected: the same less what noise alone reaches.
        jsd: Jensen-Shannon divergence in bits, on log-spaced bins and one bin at each bound.
        at_bounds: share of samples on a bound of the law.
    """

    n: int
    ks: float
    ks_corrected: float
    w1_of_median: float
    w1_corrected: float
    jsd: float
    at_bounds: float


def fit(samples: Samples, law: Bounded, bins: int) -> Fit:
    """Distances between samples and a law in seconds."""
    cdf = truncated_cdf(law)
    n, high = samples.size, (samples.high + 0.5) * MILLI
    ks = ks_at_edges((samples.low - 0.5) * MILLI, high, samples.n, cdf)
    middle = (samples.low + samples.high).astype(np.float64) * (0.5 * MILLI)
    support, unit = _support(law), median(law)
    w1 = wasserstein(middle, samples.n, cdf, support)
    return Fit(
        n,
        ks,
        ks_beyond_noise(ks, n),
        w1 / unit,
        wasserstein_beyond_noise(w1, n, cdf, support) / unit,
        _binned_divergence(samples, law, cdf, bins),
        sum(samples.at.values()) / n if n else float("nan"),
    )


def shape(scene: Scene, table: pl.DataFrame, column: str, model: str, law: Bounded) -> Fit:
    """The fit of one model's rows (`column`, `ms`, `n`) to its law, computed once a scene."""

    def make() -> Fit:
        rows = table.filter(pl.col(column) == model)
        return fit(Samples.of(rows["ms"], rows["n"], law), law, scene.thresholds.statistics.delay_bins)

    return scene.once(f"shape of {model}", make)


def truncated_cdf(law: Bounded) -> Cdf:
    """P(X <= x): atoms, and the tail renormalised to the law's bounds."""
    atoms = np.array(law.atoms.values if law.atoms else [], np.float64)
    steps = law.atom_mass * np.array(law.atoms.probs if law.atoms else [], np.float64)
    tail = law.tail
    ends = tail.cdf(np.array([law.min, law.max])) if tail is not None else np.zeros(2)

    def cdf(x: F64) -> F64:
        points = np.asarray(x, np.float64)
        out = np.zeros(points.shape)
        for value, step in zip(atoms, steps, strict=True):
            out += step * (points >= value)
        if tail is not None:
            inside = tail.cdf(np.clip(points, law.min, law.max))
            out += (1.0 - law.atom_mass) * (inside - ends[0]) / (ends[1] - ends[0])
        return out

    return cdf


def median(law: Bounded) -> float:
    """Smallest x with P(X <= x) >= 1/2, by bisection."""
    cdf, low, high = truncated_cdf(law), 0.0, law.max
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if float(cdf(np.array([middle]))[0]) >= 0.5:
            high = middle
        else:
            low = middle
    return high


def _support(law: Bounded) -> F64:
    low = max(law.min, law.max * 1e-9)
    points = np.geomspace(low, law.max, SUPPORT_POINTS)
    atoms = law.atoms.values if law.atoms else []
    return np.unique(np.concatenate([[0.0, law.min, law.max], points, atoms]))


def _binned_divergence(samples: Samples, law: Bounded, cdf: Cdf, bins: int) -> float:
    """JSD over a bin at each bound, one millisecond wide, and `bins` log-spaced bins between."""
    ends = np.array([law.min + MILLI / 2, law.max - MILLI / 2])
    spaced = np.geomspace(max(law.min, MILLI), law.max, bins + 1)[1:-1]
    edges = np.concatenate([[ends[0]], spaced[(spaced > ends[0]) & (spaced < ends[1])], [ends[1]]])
    policy = np.diff(np.concatenate([[0.0], cdf(edges), [1.0]]))
    between = samples.n.copy()
    for bound, n in samples.at.items():
        if n:
            between[np.searchsorted(samples.low, bound, side="right") - 1] -= n
    middle = (samples.low + samples.high).astype(np.float64) * (0.5 * MILLI)
    inner = np.bincount(np.searchsorted(edges[1:-1], middle), between, edges.size - 1)
    at_ends = [samples.at.get(round(bound / MILLI), 0) for bound in (law.min, law.max)]
    return jensen_shannon([at_ends[0], *inner, at_ends[1]], np.maximum(policy, 0.0))
