"""REQ_PK_UNIQUENESS: no key twice, neither within a party (evidence) nor across parties (published id columns).

Events, labels and truth inherit uniqueness from their flows: their key sets equal those of S3 (L4, L7) and events are
distinct within their party. So three id columns are looked up: sessions, flows after the overlay, cases. Ids are
64-bit mixes, hence evenly spread: one slice of the id space after the other is sorted, each of bounded size. A sampled
audit looks at one seed-chosen slice where there are several; `full` looks at all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from seg6b.datasets import tables as t
from seg6b.datasets.column import Dataset
from seg6b.datasets.parts import read_part
from seg6b.draws.mix import U64, entities1
from seg6b.evidence.laws import PRIMARY, Finding, Ledger, keys_unique
from seg6b.states.context import Input
from seg6b.states.s5_validate.check import Outcome, found
from seg6b.states.s5_validate.request import ValidationRequest

SLICE_IDS: Final = 1 << 24
LOOKED_UP: Final = ((t.SESSIONS, "session_id"), (t.FLOWS_WITH_FRAUD, "flow_id"), (t.CASES, "case_id"))


def unique_keys(request: ValidationRequest, ledger: Ledger) -> Outcome:
    """The check."""
    findings = list(keys_unique(ledger))
    findings += catalogue_unique(request)
    columns = [
        (dataset, column, index, count)
        for dataset, column in LOOKED_UP
        for index, count in _slices(request, dataset, _ids(ledger, dataset, column))
    ]

    def search(task: tuple[Dataset, str, int, int]) -> list[Finding]:
        dataset, column, index, count = task
        return list(shared_ids(request.inputs[dataset.name], dataset, column, (index, count)))

    for some in request.executor.map(search, columns):
        findings += some
    rows = {name: ledger.rows(name) for name in PRIMARY} | {t.CAMPAIGNS.name: request.catalogue.height}
    return found(findings, {"rows": rows, "duplicates": _duplicates(findings)}, {"duplicates": 0})


def shared_ids(source: Input, dataset: Dataset, column: str, part_of: tuple[int, int]) -> Iterator[Finding]:
    """Ids of one slice of the id space that two rows (for a case: two parts of rows) share."""
    index, count = part_of
    held = [_slice(ids, index, count) for ids in _columns(source, dataset, column)]
    ids = np.sort(np.concatenate([np.empty(0, np.int64), *held]))
    repeated = int((ids[1:] == ids[:-1]).sum())
    if repeated:
        example = int(ids[1:][ids[1:] == ids[:-1]][0])
        yield Finding("PK", f"{dataset.name}.{column} is shared, such as {example}", None, {"duplicates": repeated})


def catalogue_unique(request: ValidationRequest) -> Iterator[Finding]:
    """Campaign ids are few: they are compared outright."""
    repeated = request.catalogue.height - request.catalogue["campaign_id"].n_unique()
    if repeated:
        yield Finding("PK", f"duplicate keys in {t.CAMPAIGNS.name}", None, {"duplicates": repeated})


def _columns(source: Input, dataset: Dataset, column: str) -> Iterator[np.typing.NDArray[np.int64]]:
    """Ids part by part; of the case timeline only the first event of each case."""
    wanted = (column, "case_event_seq") if dataset is t.CASES else (column,)
    for path in source.paths():
        frame = read_part(path, wanted)
        if dataset is t.CASES:
            frame = frame.filter(frame["case_event_seq"] == 0)
        yield frame[column].to_numpy()


def _slice(ids: np.typing.NDArray[np.int64], index: int, count: int) -> np.typing.NDArray[np.int64]:
    return ids if count == 1 else ids[ids % count == index]


def _ids(ledger: Ledger, dataset: Dataset, column: str) -> int:
    return ledger.rows(f"{dataset.name}.{column}" if dataset is t.CASES else dataset.name)


def _slices(request: ValidationRequest, dataset: Dataset, ids: int) -> list[tuple[int, int]]:
    count = max(1, -(-ids // SLICE_IDS))
    if request.audit == "full" or count == 1:
        return [(index, count) for index in range(count)]
    return [(int(drawn_slice(request, dataset) * count), count)]


def drawn_slice(request: ValidationRequest, dataset: Dataset) -> float:
    """The uniform that picks the slice of a dataset."""
    which: U64 = entities1(np.array([PRIMARY.index(dataset.name)], np.int64))
    return float(request.draws.uniform("validation_audit", "ID_SLICE", which)[0])


def _duplicates(findings: list[Finding]) -> int:
    return sum(f.metrics.get("duplicates", 0) for f in findings)
