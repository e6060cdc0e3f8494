"""Building a generated world in a staging folder: tables, arrivals, upstream bundles, seal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.digest import ContentDigest
from seg6b.datasets.frames import conform
from seg6b.datasets.parts import PartWriter
from seg6b.datasets.world_tables import ARRIVALS, WORLD_TABLES
from seg6b.errors import ContractBroken
from seg6b.shards.executor import Executor
from seg6b.world.contract import contract_digest
from seg6b.world.generate.arrivals import make_arrivals, plan_parts
from seg6b.world.generate.merchants import Merchants, make_merchants
from seg6b.world.generate.parties import blocks_of, take_census
from seg6b.world.generate.places import Places, make_places, merchant_tables
from seg6b.world.generate.population import make_population
from seg6b.world.generate.recipe import END, START, Recipe
from seg6b.world.generate.terminals import merchant_roles, terminal_tables
from seg6b.world.layout import PLACE_OF, Axes
from seg6b.world.manifest import SEAL_VERSION, WorldManifest, fingerprint_of
from seg6b.world.staging import PENDING, Staging, name_folders
from seg6b.world.upstream import write_upstream
from seg6b.world.writing import CODE, Stream, TableWriter, seal_datasets, seal_files

Told = Callable[[int, int], None]
CHECKS: Final = {
    "arrival_keys_unique": "verified: arrival_seq runs from 1 to n within each merchant, over all files",
    "arrivals_sorted": "verified: (merchant_id, ts_utc, arrival_seq) within each file, merchants over all files",
}


def build_world(recipe: Recipe, name: str, staging: Staging, executor: Executor, told: Told) -> WorldManifest:
    """Make every file of the world but its seal, and return the seal."""
    axes = Axes(PENDING, recipe.seed, recipe.scenario_id, recipe.digest)
    merchants = make_merchants(recipe)
    places = make_places(recipe, merchants)
    digests = _tables(recipe, merchants, places, TableWriter(staging.root, axes), executor)
    stream = _arrivals(recipe, (merchants, places), staging.root, executor, told)
    digests[ARRIVALS.name] = stream.digest
    horizon = (START.isoformat(), END.isoformat())
    plain = {dataset: str(digest) for dataset, digest in digests.items()}
    fingerprint = fingerprint_of(plain, recipe.scenario_id, horizon)
    name_folders(staging.root, fingerprint)
    segments = write_upstream(staging.root, fingerprint, plain)
    return WorldManifest(
        version=SEAL_VERSION,
        name=name,
        origin="generated",
        recipe=recipe.digest,
        manifest_fingerprint=fingerprint,
        seed=recipe.seed,
        scenario_id=recipe.scenario_id,
        upstream_parameter_hash=recipe.digest,
        start=horizon[0],
        end=horizon[1],
        arrivals=recipe.arrivals,
        contract=contract_digest(),
        checks=CHECKS | {"arrival_key_sum": str(stream.key_sum)},
        datasets=seal_datasets(staging.root, digests),
        segments=segments,
        files=seal_files(staging.root, executor),
    )


def _tables(
    recipe: Recipe, merchants: Merchants, places: Places, writer: TableWriter, executor: Executor
) -> dict[str, ContentDigest]:
    """Every table but the arrivals; blocks of parties are made side by side and written in order."""
    census = take_census(recipe)
    blocks = list(range(blocks_of(census)))
    wave = max(1, executor.workers)
    for at in range(0, len(blocks), wave):
        for frames in executor.map(lambda number: make_population(recipe, census, number), blocks[at : at + wave]):
            writer.write(frames)
    writer.write(terminal_tables(recipe, merchants))
    writer.write(merchant_tables(recipe, merchants, places) | merchant_roles(recipe, merchants))
    writer.close(WORLD_TABLES)
    return writer.digests


def _arrivals(recipe: Recipe, world: tuple[Merchants, Places], root: Path, executor: Executor, told: Told) -> Stream:
    """The arrival files, each made and written by one thread."""
    merchants, places = world
    parts = plan_parts(recipe, merchants)
    lock, done = threading.Lock(), [0]

    def make(number: int) -> Stream:
        frame = conform(ARRIVALS, make_arrivals(recipe, merchants, places, parts[number]), CODE)
        _running(frame, [(merchants.merchant_id[s.merchant], s.start, s.stop) for s in parts[number]])
        with PartWriter(ARRIVALS, _arrival_path(recipe, root, number), "snappy", CODE) as writer:
            writer.write(frame)
        with lock:
            done[0] += frame.height
            told(done[0], recipe.arrivals)
        return Stream.of(frame)

    return Stream.union(executor.map(make, range(len(parts))))


def _running(frame: pl.DataFrame, spans: Sequence[tuple[int, int, int]]) -> None:
    """Refuse rows that are not, in order, the arrivals `start + 1 .. stop` of each merchant with times that rise."""
    merchant, start, stop = (np.array(column, np.int64) for column in zip(*spans, strict=True))
    sizes = stop - start
    ids = np.repeat(merchant, sizes)
    numbers = np.arange(ids.size) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(start, sizes) + 1
    times = frame["ts_utc"].to_physical().to_numpy()
    falls = (np.diff(times) < 0) & (ids[1:] == ids[:-1])
    same = np.array_equal(frame["merchant_id"].to_numpy(), ids) and np.array_equal(
        frame["arrival_seq"].to_numpy(), numbers
    )
    if not same or falls.any() or (np.diff(merchant) <= 0).any():
        raise ContractBroken(
            CODE, "generated arrivals are not numbered and ordered as they must be", ARRIVALS.name,
            f"merchant {merchant[0]} and after", "1 .. n in order of time within each merchant",
            "This is a fault of the generator.",
        )  # fmt: skip


def _arrival_path(recipe: Recipe, root: Path, number: int) -> Path:
    axes = Axes(PENDING, recipe.seed, recipe.scenario_id, recipe.digest)
    return root / PLACE_OF[ARRIVALS.name].path(axes, number)
