"""Realised delays and latencies against their laws: binned JSD, and KS and Wasserstein-1 beyond their noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from seg6b.datasets import vocabulary as v
from seg6b.gates.laws import Fit, shape
from seg6b.gates.mixes import at_most
from seg6b.gates.record import Scene
from seg6b.gates.result import StatisticResult, Status
from seg6b.gates.targets import delay_law, offset_law

OFFSETS: Final = {
    "auth_latency": "auth_response",
    "auth_to_clear": "auth_to_clear",
    "atm_auth_to_clear": "atm_auth_to_clear",
}


def delay_shapes(scene: Scene) -> Iterator[StatisticResult]:
    """The four delay models: JSD, KS and W1."""
    table = scene.table("S4", "delays")
    for model in v.DELAY_MODELS:
        found = shape(scene, table, "model", model, delay_law(scene.policies, model))
        yield from _lines(scene, f"delay.{model}", found, binned=True)


def offset_shapes(scene: Scene) -> Iterator[StatisticResult]:
    """Authorisation latency and time to clear: KS and W1 of the drawn offsets."""
    table = scene.table("S2", "offsets")
    for name, model in OFFSETS.items():
        law = offset_law(scene.policies, model)
        if law is not None:
            yield from _lines(scene, name, shape(scene, table, "offset_model_id", model, law), binned=False)
        else:
            reason = {"reason": "the timing pack draws no offset"}
            yield StatisticResult(name, "ks", None, Status.FAIL, Status.FAIL, blocking=True, n=0, detail=reason)


def _lines(scene: Scene, name: str, found: Fit, *, binned: bool) -> Iterator[StatisticResult]:
    limits = scene.thresholds.statistics
    n, least = found.n, limits.min_samples
    if binned:
        yield at_most(name, "jsd", found.jsd, limits.jsd, n, least, {"bins": limits.delay_bins})
    yield at_most(name, "ks", found.ks_corrected, limits.ks, n, least, {"ks": found.ks})
    yield at_most(name, "w1", found.w1_corrected, limits.w1_of_median, n, least, {"w1_of_median": found.w1_of_median})


shape_lines: Final[tuple[tuple[str, Callable[[Scene], Iterator[StatisticResult]]], ...]] = (
    ("delay", delay_shapes),
    ("offset", offset_shapes),
)
