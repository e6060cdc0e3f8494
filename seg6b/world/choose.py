"""Choosing a world by what a person types: a configured name, a fingerprint, a folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import yaml

from seg6b.errors import UsageError
from seg6b.world.layout import MANIFEST
from seg6b.world.provide import WorldSettings, find_recipe, recipe_of, sealed_worlds
from seg6b.world.sealed import SealedWorld

CONF: Final = Path(__file__).parents[2] / "conf" / "world"
SHORTEST_PREFIX: Final = 4


def configured(name: str, conf: Path = CONF) -> WorldSettings:
    """The settings of `conf/world/<name>.yaml`.

    Raises:
        UsageError: there is no such file; the message lists those there are.
    """
    path = conf / f"{name}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in conf.glob("*.yaml")))
        raise UsageError("E_WORLD_UNKNOWN", "no world of this name is configured", str(conf), name, names, "")
    plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    return WorldSettings(plain["name"], plain["arrivals"], plain["seed"], plain["source"])


def choose_world(text: str, worlds: Path, conf: Path = CONF) -> SealedWorld:
    """The sealed world that `text` names: a folder, the beginning of a fingerprint, or a configured name.

    Raises:
        UsageError: nothing, or more than one world, answers to the name.
    """
    if (Path(text) / MANIFEST).is_file():
        return SealedWorld.open(Path(text))
    matches = [root for root, _ in sealed_worlds(worlds) if root.name.startswith(text) and len(text) >= SHORTEST_PREFIX]
    if not matches and (conf / f"{text}.yaml").is_file():
        settings = configured(text, conf)
        made = [] if settings.source or text == "parquet" else [find_recipe(worlds, recipe_of(settings).digest)]
        matches = [root for root in made if root is not None]
        if not matches:
            raise UsageError(
                "E_WORLD_NOT_MADE", "this world has not been made", str(worlds), text, "a world that is there",
                f"Make it: python -m seg6b world make {text}",
            )  # fmt: skip
    if len(matches) != 1:
        raise UsageError(
            "E_WORLD_UNKNOWN", "no world answers to this name" if not matches else "several worlds answer to this name",
            str(worlds), text, "a folder, a fingerprint's beginning or a configured name",
            "See them: python -m seg6b world list",
        )  # fmt: skip
    return SealedWorld.open(matches[0])


def resized(settings: WorldSettings, arrivals: int, seed: int, source: str) -> WorldSettings:
    """Settings with some values replaced; zero, negative and empty leave them as they are."""
    return replace(
        settings,
        arrivals=arrivals or settings.arrivals,
        seed=settings.seed if seed < 0 else seed,
        source=source or settings.source,
    )
