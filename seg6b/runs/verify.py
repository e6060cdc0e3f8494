"""Re-checking a run from its files alone: bytes, digests, and that nothing is there that no receipt knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from seg6b.datasets.digest import ContentDigest, content_digest, total_digest
from seg6b.datasets.parts import read_part
from seg6b.errors import Damaged
from seg6b.runs.disk import files_under, sha256_of
from seg6b.runs.folder import RunFolder
from seg6b.runs.pruned import MARK, STAYS, own_temporary, read_mark
from seg6b.runs.receipt import DatasetReceipt, StateReceipt
from seg6b.shards.executor import Executor

STRAY: Final = "no receipt knows this file"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the receipts say.

    Attributes:
        path: the file, relative to the run folder.
        fault: what is wrong with it.
        found: what is there.
        expected: what the receipt says.
    """

    path: str
    fault: str
    found: str = ""
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.fault}" + (
            f" (found {self.found}, expected {self.expected})" if self.expected else ""
        )


def state_receipts(run: RunFolder) -> dict[str, StateReceipt]:
    """The receipts that lie in `states/`, by state."""
    names = sorted(p.stem for p in (run.path / "states").glob("*.json"))
    return {name: receipt for name in names if (receipt := run.state(name)) is not None}


def verify_files(run: RunFolder, executor: Executor) -> list[Finding]:
    """Every published file against its receipt: missing, altered, or known to no receipt.

    A pruned run is one finding, and what is left of it is checked.
    """
    mark = read_mark(run)
    if mark is None:
        return verify_left(run, executor)
    return [Finding(MARK, f"the data of the run was pruned ({mark.reason})"), *verify_left(run, executor)]


def verify_left(run: RunFolder, executor: Executor) -> list[Finding]:
    """As `verify_files`, but what prune took from the run is not missed.

    A receipt or mark that a dead process left in the writing is passed over: it never took the old one's place.
    """
    receipts, mark = state_receipts(run), read_mark(run)
    known = dict(_known_files(receipts)) | {f.path: (f.bytes, f.sha256) for f in run.receipt().files}
    left = [p for p in files_under(run.path) if p.parent != run.path or not own_temporary(p)]
    present = {p.relative_to(run.path).as_posix() for p in left}
    own = {run.receipt_path.name, *(run.state_path(name).relative_to(run.path).as_posix() for name in receipts)}
    if mark is not None:
        known = {path: seal for path, seal in known.items() if path in present or path.split("/")[0] in STAYS}
        own |= {MARK}
    strays = [Finding(path, STRAY) for path in sorted(present - set(known) - own)]
    checks = executor.map(lambda item: _check_file(run.path, *item), sorted(known.items()))
    return [f for f in checks if f is not None] + strays


def require_whole(run: RunFolder, executor: Executor) -> None:
    """Refuse a run with a file that is not as its receipt says: nothing of it is read, nothing is added.

    The board may differ, it is drawn again: a process may have ended between the board and its digest.

    Raises:
        Damaged: names the first such file, and how many more there are.
    """
    findings = [f for f in verify_files(run, executor) if f.path != run.board_path.name]
    if findings:
        first, more = findings[0], len(findings) - 1
        raise Damaged(
            "E_RUN_DAMAGED",
            first.fault + (f", and {more} more findings" if more else ""),
            str(run.path / first.path),
            first.found,
            first.expected,
            "Restore the file (or remove a stray one), or start a new run by leaving out `run_id=`.",
        )


def verify_digests(run: RunFolder, executor: Executor) -> list[Finding]:
    """Every dataset's content digest, derived again from its Parquet parts."""
    datasets = [d for r in state_receipts(run).values() for d in r.datasets.values()]
    return [f for d in datasets for f in _check_dataset(run, d, executor)]


def _known_files(receipts: Mapping[str, StateReceipt]) -> Iterator[tuple[str, tuple[int, str]]]:
    for receipt in receipts.values():
        for dataset in receipt.datasets.values():
            for part in dataset.parts:
                yield f"{dataset.folder}/{part.name}", (part.bytes, part.sha256)
        for file in receipt.files:
            yield file.path, (file.bytes, file.sha256)


def _check_file(root: Path, path: str, expected: tuple[int, str]) -> Finding | None:
    target = root / path
    if not target.is_file():
        return Finding(path, "the file is missing")
    size = target.stat().st_size
    if size != expected[0]:
        return Finding(path, "the size differs", f"{size} bytes", f"{expected[0]} bytes")
    found = sha256_of(target)
    return None if found == expected[1] else Finding(path, "the bytes differ", found[:16], expected[1][:16])


def _check_dataset(run: RunFolder, dataset: DatasetReceipt, executor: Executor) -> list[Finding]:
    def digest(name: str) -> ContentDigest:
        return content_digest(read_part(run.path / dataset.folder / name))

    try:
        found = total_digest(executor.map(digest, [p.name for p in dataset.parts]))
    except Damaged as error:
        return [Finding(error.where, error.what, error.value)]
    if str(found) == dataset.digest:
        return []
    return [Finding(dataset.folder, "the content digest differs", str(found), dataset.digest)]
