"""Comparing a world with the published figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from seg6b.errors import InputRefused
from seg6b.world.sealed import SealedWorld
from seg6b.world.shape.entities import Measures, account_measures, device_measures, ip_measures, party_measures
from seg6b.world.shape.roles import role_measures
from seg6b.world.shape.traffic import traffic_measures

PUBLISHED: Final = Path(__file__).with_name("published.yaml")
SMALL: Final = 250_000


@dataclass(frozen=True, slots=True)
class ShapeItem:
    """One figure.

    Attributes:
        item: name of the measure.
        published: the published figure.
        measured: the same of this world; None where it has no such thing.
        low: smallest value accepted.
        high: largest value accepted.
        judged: whether the item counts at this size.
        ok: inside the tolerance; true where not judged.
        note: what a reader should know.
    """

    item: str
    published: float
    measured: float | None
    low: float
    high: float
    judged: bool
    ok: bool
    note: str


def shape_report(world: SealedWorld, published: Path = PUBLISHED) -> list[ShapeItem]:
    """Every published figure beside that of `world`, in the order of the file."""
    measures = shape_measures(world)
    rules = read_published(published)
    return [_compare(name, rule, measures.get(name), world.arrivals) for name, rule in rules.items()]


def shape_measures(world: SealedWorld) -> Measures:
    """Every measure of a world, by name."""
    return {
        **party_measures(world),
        **account_measures(world),
        **device_measures(world),
        **ip_measures(world),
        **role_measures(world),
        **traffic_measures(world),
    }


def read_published(path: Path) -> dict[str, dict[str, Any]]:
    """The published figures with their tolerances."""
    try:
        items = yaml.safe_load(path.read_text(encoding="utf-8"))["items"]
        return {str(name): dict(rule) for name, rule in items.items()}
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputRefused(
            "E_WORLD_SHAPE_FILE", "the published figures cannot be read", str(path),
            f"{type(error).__name__}: {error}"[:120], "`items`, each with `published` and `within`",
            "Restore the file from the project.",
        ) from error  # fmt: skip


def _compare(name: str, rule: dict[str, Any], measured: float | None, arrivals: int) -> ShapeItem:
    published = float(rule["published"])
    width = float(rule.get("small", rule.get("within", 0.0)) if arrivals < SMALL else rule.get("within", 0.0))
    low, high = (0.0, published) if rule.get("most") else (published - width, published + width)
    judged = bool(rule.get("judge", True)) and arrivals >= int(rule.get("from", 0))
    inside = measured is not None and low - 1e-9 <= measured <= high + 1e-9
    if rule.get("most") and measured is None:
        inside = True
    return ShapeItem(name, published, measured, low, high, judged, inside or not judged, str(rule.get("note", "")))
