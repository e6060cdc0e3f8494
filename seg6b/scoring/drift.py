"""Semantic drift: which datasets, and which of their columns, are not those of the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from seg6b.datasets.column import Dataset
from seg6b.datasets.digest import ContentDigest, column_digests
from seg6b.datasets.parts import read_part
from seg6b.datasets.tables import OUTPUTS
from seg6b.runs.disk import read_record, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import DatasetReceipt
from seg6b.runs.verify import state_receipts
from seg6b.scoring.closure import Drift, RunFacts

DATASETS: Final = {d.name: d for outputs in OUTPUTS.values() for d in outputs}


@dataclass(frozen=True, slots=True)
class DriftNote:
    """What a run was found to differ in from one reference."""

    run_id: str
    reference: str
    drifts: tuple[Drift, ...]


def differing(facts: RunFacts, reference: RunFacts) -> tuple[Drift, ...]:
    """Datasets whose content digest or rows differ, or that only one of both has; columns are not looked at."""
    names = [n for n in DATASETS if n in facts.digests or n in reference.digests]
    return tuple(
        Drift(name, facts.rows.get(name, 0), reference.rows.get(name, 0))
        for name in names
        if facts.digests.get(name) != reference.digests.get(name) or facts.rows.get(name) != reference.rows.get(name)
    )


def find_drifts(root: Path, facts: RunFacts, reference: RunFacts) -> tuple[Drift, ...]:
    """`differing`, with the columns of each dataset wherever both runs still have their Parquet."""
    return tuple(replace(d, columns=_columns(root, d.dataset, facts, reference)) for d in differing(facts, reference))


def save_drifts(folder: Path, name: str, note: DriftNote) -> None:
    """Keep what was found for a slot with the sweep, before the data is dropped.

    Args:
        folder: the sweep's folder.
        name: the slot's name.
        note: the drift against one reference.
    """
    write_json(_path(folder, name, note.reference), note)


def saved_drifts(folder: Path, name: str, reference: str) -> tuple[Drift, ...] | None:
    """What `save_drifts` kept against that reference, None where it kept nothing."""
    path = _path(folder, name, reference)
    return read_record(path, DriftNote).drifts if path.exists() else None


def _path(folder: Path, name: str, reference: str) -> Path:
    return folder / "drift" / f"{name}-against-{reference[:8]}.json"


def _columns(root: Path, name: str, facts: RunFacts, reference: RunFacts) -> tuple[str, ...]:
    """Columns whose digests with the key differ; the key alone where the keys differ, since then all others do too."""
    dataset = DATASETS[name]
    runs = [RunFolder.of(root, f.run_id) for f in (facts, reference)]
    held = [_held(run, name) for run in runs]
    if held[0] is None or held[1] is None:
        return ()
    mine, other = (_digests(run, d, dataset) for run, d in zip(runs, (held[0], held[1]), strict=True))
    if any(mine.get(key) != other.get(key) for key in dataset.key):
        return dataset.key
    return tuple(c.name for c in dataset.columns if mine.get(c.name) != other.get(c.name))


def _held(run: RunFolder, name: str) -> DatasetReceipt | None:
    """The dataset's receipt if all its parts lie there."""
    found = [r.datasets[name] for r in state_receipts(run).values() if name in r.datasets] if run.exists() else []
    return found[0] if found and all((run.path / found[0].folder / p.name).is_file() for p in found[0].parts) else None


def _digests(run: RunFolder, receipt: DatasetReceipt, dataset: Dataset) -> Mapping[str, ContentDigest]:
    """A digest a column, together with the key, summed over parts: neither order nor cut of the rows matters."""
    totals: dict[str, ContentDigest] = {}
    for part in _parts(run, receipt):
        for column, digest in column_digests(read_part(part), dataset.key).items():
            totals[column] = totals.get(column, ContentDigest()) + digest
    return totals


def _parts(run: RunFolder, receipt: DatasetReceipt) -> Iterator[Path]:
    return (run.path / receipt.folder / part.name for part in receipt.parts)
