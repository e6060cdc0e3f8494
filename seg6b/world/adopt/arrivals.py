"""Adopting the arrival stream: file by file, batch by batch, with what has to be proven about it on the way."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from seg6b.datasets.parts import PartWriter, read_part
from seg6b.datasets.world_tables import ARRIVALS
from seg6b.errors import ContractBroken
from seg6b.shards.executor import Executor
from seg6b.world.adopt.convert import Categories, Piece, open_columns
from seg6b.world.adopt.reading import batches, open_file, text_values
from seg6b.world.adopt.source import Source, tokens
from seg6b.world.layout import PLACE_OF, Axes
from seg6b.world.writing import CODE, Stream

PART_ROWS: Final = 211_039
HOUR_US: Final = 3_600_000_000
ORDER: Final = ("merchant_id", "ts_utc", "arrival_seq")
AGAIN: Final = "Publish the upstream file again; nothing was adopted."


@dataclass(frozen=True, slots=True)
class Adopted:
    """One canonical part and what it showed.

    Attributes:
        stream: digest and key sum.
        keys: (merchant_id, low, high): span of the arrival numbers of each merchant in the part.
        origin_us: microseconds of the start of the horizon that its buckets imply.
        last_bucket: largest bucket index.
        merchants: distinct (merchant_id, tzid_primary).
    """

    stream: Stream
    keys: pl.DataFrame
    origin_us: int
    last_bucket: int
    merchants: pl.DataFrame


def adopt_arrivals(source: Source, root: Path, axes: Axes, executor: Executor) -> list[Adopted]:
    """Write every published arrival file in canonical form below `root`.

    Args:
        source: the published world.
        root: folder of the world in the making.
        axes: tokens of the paths to write.
        executor: converts files side by side.

    Raises:
        ContractBroken: a file is empty, unsorted, mistyped, has nulls or unknown values, or keys occur twice.
    """
    files = source.tables[ARRIVALS.name]
    categories = _categories(files, executor)
    counts = [-(-open_file(path).metadata.num_rows // PART_ROWS) for path in files]
    firsts = [sum(counts[:i]) for i in range(len(files))]

    def adopt(task: tuple[int, Path]) -> list[Adopted]:
        return _file(task, Piece(ARRIVALS, task[1], source.axes), categories, (root, axes))

    parts = [p for done in executor.map(adopt, list(zip(firsts, files, strict=True))) for p in done]
    _unique(parts, [root / PLACE_OF[ARRIVALS.name].path(axes, i) for i in range(len(parts))])
    return parts


def _categories(files: tuple[Path, ...], executor: Executor) -> Categories:
    names = open_columns(ARRIVALS)

    def look(path: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {n: {tokens(path)[n]} if n in tokens(path) else set() for n in names}
        for frame in batches(path, PART_ROWS, names):
            for name in frame.columns:
                found[name] |= text_values(frame[name])
        return found

    looks = executor.map(look, list(files))
    return {name: tuple(sorted(set().union(*(found[name] for found in looks)))) for name in names}


def _file(task: tuple[int, Path], piece: Piece, categories: Categories, target: tuple[Path, Axes]) -> list[Adopted]:
    first, path = task
    root, axes = target
    parts: list[Adopted] = []
    before: pl.DataFrame | None = None
    for frame in batches(path, PART_ROWS):
        rows = piece.canonical(frame, categories)
        _sorted(rows if before is None else pl.concat([before, rows.select(ORDER)]), piece)
        _one_place(rows, piece)
        before = rows.tail(1).select(ORDER)
        with PartWriter(
            ARRIVALS, root / PLACE_OF[ARRIVALS.name].path(axes, first + len(parts)), "snappy", CODE
        ) as writer:
            writer.write(rows)
        parts.append(_described(rows, piece))
    return parts


def _sorted(rows: pl.DataFrame, piece: Piece) -> None:
    order = rows.select(ORDER)
    shifted = order.shift(1).rename({name: f"{name}_before" for name in ORDER})
    m, t, s = (pl.col(n) for n in ORDER)
    pm, pt, ps = (pl.col(f"{n}_before") for n in ORDER)
    after = (m > pm) | ((m == pm) & ((t > pt) | ((t == pt) & (s >= ps))))
    bad = pl.concat([order, shifted], how="horizontal").with_row_index("row").filter(pm.is_not_null() & ~after)
    if bad.height:
        row, merchant = bad["row"][0], bad["merchant_id"][0]
        raise ContractBroken(
            "E_WORLD_UNSORTED", "a published file is not sorted", f"{piece.path}, row {row}, merchant {merchant}",
            f"{bad.height} rows out of order", "order by merchant_id, ts_utc, arrival_seq", AGAIN,
        )  # fmt: skip


def _one_place(rows: pl.DataFrame, piece: Piece) -> None:
    bad = rows.filter(pl.col("site_id").is_null() == pl.col("edge_id").is_null())
    if bad.height:
        key = f"merchant {bad['merchant_id'][0]}, arrival {bad['arrival_seq'][0]}"
        raise ContractBroken(
            "E_WORLD_SITE_EDGE", "arrivals with neither or both of site and edge", f"{piece.path}, {key}",
            f"{bad.height} rows", "exactly one of site_id and edge_id", AGAIN,
        )  # fmt: skip


def _described(rows: pl.DataFrame, piece: Piece) -> Adopted:
    """Facts of one part; a key twice in it or a bucket that contradicts its time is refused."""
    keys = rows.group_by("merchant_id").agg(
        low=pl.col("arrival_seq").min(), high=pl.col("arrival_seq").max(),
        twice=pl.len() - pl.col("arrival_seq").n_unique(),
    )  # fmt: skip
    if keys["twice"].sum():
        merchant = keys.filter(pl.col("twice") > 0)["merchant_id"][0]
        _refuse_twice(rows.filter(pl.col("merchant_id") == merchant), str(piece.path))
    origin = rows["ts_utc"].to_physical() // HOUR_US - rows["bucket_index"].cast(pl.Int64)
    if origin.n_unique() != 1:
        other = rows.filter(origin != origin[0]).row(0, named=True)
        raise ContractBroken(
            "E_WORLD_BUCKET", "bucket_index contradicts ts_utc",
            f"{piece.path}, merchant {other['merchant_id']}, arrival {other['arrival_seq']}",
            f"bucket {other['bucket_index']} at {other['ts_utc']}", "hours since one start of the horizon", AGAIN,
        )  # fmt: skip
    return Adopted(
        stream=Stream.of(rows),
        keys=keys.drop("twice"),
        origin_us=int(origin[0]) * HOUR_US,
        last_bucket=int(rows["bucket_index"].to_numpy().max()),
        merchants=rows.select("merchant_id", pl.col("tzid_primary").cast(pl.String)).unique(),
    )


def _unique(parts: list[Adopted], paths: list[Path]) -> None:
    """No key in two parts: spans of a merchant either do not overlap, or its keys are looked at one by one."""
    spans = pl.concat([p.keys for p in parts]).sort("merchant_id", "low")
    before = pl.col("high").cum_max().shift(1).over("merchant_id")
    overlapping = spans.filter(pl.col("low") <= before)["merchant_id"].unique()
    if overlapping.len() == 0:
        return
    keys = pl.concat(
        [
            read_part(path, ["merchant_id", "arrival_seq"]).filter(pl.col("merchant_id").is_in(overlapping.implode()))
            for path in paths
        ]
    )
    _refuse_twice(keys, "several files")


def _refuse_twice(rows: pl.DataFrame, where: str) -> None:
    twice = (
        rows.group_by("merchant_id", "arrival_seq").len().filter(pl.col("len") > 1).sort("merchant_id", "arrival_seq")
    )
    if twice.height:
        merchant, number, count = twice.row(0)
        raise ContractBroken(
            "E_WORLD_DUPLICATE_KEY", "an arrival key occurs more than once", where,
            f"merchant_id {merchant}, arrival_seq {number}: {count} times, {twice.height} such keys", "once", AGAIN,
        )  # fmt: skip
