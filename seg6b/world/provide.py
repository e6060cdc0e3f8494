"""Providing the world that a job asks for: found if it was ever made, else made or adopted, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from seg6b.errors import Refusal, UsageError
from seg6b.shards.executor import Executor, Threads
from seg6b.world.adopt.build import adopt_world
from seg6b.world.adopt.source import find_source
from seg6b.world.generate.build import build_world
from seg6b.world.generate.recipe import FEWEST_ARRIVALS, Recipe
from seg6b.world.layout import MANIFEST
from seg6b.world.manifest import WorldManifest, read_manifest
from seg6b.world.sealed import SealedWorld
from seg6b.world.staging import Staging, publish, sole_maker

Told = Callable[[int, int], None]
Make = Callable[[Staging], WorldManifest]


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Which world.

    Attributes:
        name: what to call it: `tiny`, `default`, `large`, `authority`, `parquet`.
        arrivals: rows of the arrival stream, for a generated world.
        seed: the generator's seed; not the run's.
        source: folder of a published world to adopt; empty generates one.
        scenario_id: scenario of the arrivals.
    """

    name: str
    arrivals: int = 250_000
    seed: int = 1
    source: str = ""
    scenario_id: str = "baseline_v1"


def provide(settings: WorldSettings, worlds: Path, told: Told | None = None, threads: int = 0) -> SealedWorld:
    """The world of `settings`, below `worlds`.

    Args:
        settings: which world.
        worlds: folder that holds all worlds, one folder each; made if it is not there.
        told: called with (arrivals made, arrivals in all) while the world is made.
        threads: worker threads, 0 for all cores; no row depends on it.
    """
    executor = Threads.of(threads)
    recipe, make = _maker(settings, executor, told or _silent)
    found = find_recipe(worlds, recipe)
    if found is not None:
        return SealedWorld.open(found)
    with sole_maker(worlds, recipe) as staging:
        found = find_recipe(worlds, recipe) or publish(staging, make(staging))
    return SealedWorld.open(found)


def _maker(settings: WorldSettings, executor: Executor, told: Told) -> tuple[str, Make]:
    """Recipe digest and maker of a world; nothing is made yet."""
    _check(settings)
    if settings.source:
        source = find_source(Path(settings.source).resolve(), settings.scenario_id)
        return source.recipe, lambda staging: adopt_world(source, settings.name, staging, executor, told)
    recipe = recipe_of(settings)
    return recipe.digest, lambda staging: build_world(recipe, settings.name, staging, executor, told)


def recipe_of(settings: WorldSettings) -> Recipe:
    """The recipe of a generated world."""
    return Recipe(settings.arrivals, settings.seed, settings.scenario_id)


def find_recipe(worlds: Path, recipe: str) -> Path | None:
    """The sealed world that was made from a recipe, if there is one."""
    return next((root for root, manifest in sealed_worlds(worlds) if manifest.recipe == recipe), None)


def sealed_worlds(worlds: Path) -> Iterator[tuple[Path, WorldManifest]]:
    """Every readable sealed world below `worlds`, by folder name."""
    for path in sorted(worlds.glob(f"[0-9a-f]*/{MANIFEST}")):
        try:
            yield path.parent, read_manifest(path.parent)
        except Refusal:
            continue


def _check(settings: WorldSettings) -> None:
    if settings.name == "parquet" and not settings.source:
        raise UsageError(
            "E_WORLD_SOURCE", "no published world to adopt", "world.source", "", "a folder that holds its `data/`",
            "Give it as world.source=FOLDER.",
        )  # fmt: skip
    if not settings.source and settings.arrivals < FEWEST_ARRIVALS:
        raise UsageError(
            "E_WORLD_TOO_SMALL", "a world needs merchants of every class and parties of every segment",
            "world.arrivals", str(settings.arrivals), f"{FEWEST_ARRIVALS} or more", "",
        )  # fmt: skip


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
