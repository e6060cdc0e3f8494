"""Where the published layout keeps each table of a world, and which upstream segment owns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Dataset

SEGMENTS: Final = ("1A", "1B", "2A", "2B", "3A", "3B", "5A", "5B", "6A")
SEALING_SEGMENTS: Final = ("5A", "5B", "6A")
LAYERS: Final[dict[str, int]] = {s: 1 if s[0] in "123" else 2 if s[0] == "5" else 3 for s in SEGMENTS}
MANIFEST: Final = "world.json"
FLAG: Final = "_passed.flag"
INDEX: Final = "index.json"


@dataclass(frozen=True, slots=True)
class Axes:
    """Tokens of the paths of a world.

    Attributes:
        manifest_fingerprint: 64 lower hex.
        seed: the world's seed.
        scenario_id: scenario of the arrivals.
        parameter_hash: the parameter hash of segment 6A, not of any 6B run.
    """

    manifest_fingerprint: str
    seed: int
    scenario_id: str
    parameter_hash: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where one table lies.

    Attributes:
        dataset: the table.
        segment: upstream segment that published it.
        folder: name of its folder.
        tokens: Hive partitions of its path, in order.
        role: its role in `sealed_inputs_6B`.
        parts: whether its files are `part-*.parquet` rather than one named file.
    """

    dataset: Dataset
    segment: str
    folder: str
    tokens: tuple[str, ...]
    role: str
    parts: bool = False

    @property
    def template(self) -> str:
        """Path with `{token}` in place of values."""
        partitions = "/".join(f"{t}={{{t}}}" for t in self.tokens)
        return f"{self.root}/{partitions}/{'part-*.parquet' if self.parts else f'{self.dataset.name}.parquet'}"

    @property
    def root(self) -> str:
        """Path of the table's folder, above its partitions."""
        return f"data/layer{LAYERS[self.segment]}/{self.segment}/{self.folder}"

    def path(self, axes: Axes, part: int = 0) -> str:
        """Path of one file."""
        name = f"part-{part:05d}.parquet" if self.parts else f"{self.dataset.name}.parquet"
        return "/".join((self.root, *(f"{t}={getattr(axes, t)}" for t in self.tokens), name))


_WORLD: Final = ("manifest_fingerprint",)
_ENTITY: Final = ("seed", "parameter_hash", "manifest_fingerprint")


def _entity(dataset: Dataset, role: str) -> Place:
    return Place(dataset, "6A", dataset.name, _ENTITY, role)


PLACES: Final = (
    Place(
        w.ARRIVALS,
        "5B",
        "arrival_events",
        ("seed", "manifest_fingerprint", "scenario_id"),
        "arrival_stream",
        parts=True,
    ),
    Place(w.MERCHANT_CLASSES, "5A", "merchant_class_profile", _WORLD, "merchant_profile"),
    Place(w.MERCHANT_ZONES, "5A", "merchant_zone_profile", _WORLD, "merchant_profile"),
    Place(w.MERCHANT_SEEDS, "1A", "merchant_seed", _WORLD, "merchant_profile"),
    Place(w.SITES, "1B", "site_locations", ("seed", "manifest_fingerprint"), "merchant_profile"),
    *(_entity(d, "entity_graph") for d in w.ENTITY_TABLES),
    *(_entity(d, "static_posture") for d in w.ROLE_TABLES),
)
PLACE_OF: Final = {place.dataset.name: place for place in PLACES}


def bundle_folder(segment: str, fingerprint: str) -> str:
    """Folder of a segment's validation bundle."""
    return f"data/layer{LAYERS[segment]}/{segment}/validation/manifest_fingerprint={fingerprint}"


def sealed_inputs_path(segment: str, fingerprint: str) -> str:
    """Path of a segment's list of sealed inputs."""
    folder = f"data/layer{LAYERS[segment]}/{segment}/sealed_inputs/manifest_fingerprint={fingerprint}"
    return f"{folder}/sealed_inputs_{segment}.json"
