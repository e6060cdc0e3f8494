"""A finished run and its replay on disk, and what a replay may come out with instead."""

from __future__ import annotations

from dataclasses import replace

import pyarrow.parquet as pq

from seg6b.datasets.digest import ContentDigest, content_digest
from seg6b.datasets.parts import read_part
from seg6b.runs.commit import describe_file
from seg6b.runs.disk import sha256_of, write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.verify import state_receipts
from tests.street.lanes import copy_run

REPLAY = "ab" * 16


def replay_of(source, root):
    """A copy of a finished run under a run id of its own."""
    run = RunFolder(copy_run(source, root, name=REPLAY))
    run.write_receipt(replace(run.receipt(), run_id=REPLAY))
    return run


def published_otherwise(run, dataset, change):
    """Let `run` have published what `change(arrow table, part number)` makes of each part; None drops the part.

    Receipts are as the state would have written them: they know the new rows, bytes and digest.
    """
    state = next(s for s in state_receipts(run).values() if dataset in s.datasets)
    before, parts, digest = state.datasets[dataset], [], ContentDigest()
    for number, part in enumerate(before.parts):
        path = run.path / before.folder / part.name
        table = change(pq.read_table(path), number)
        path.unlink()
        if table is not None:
            pq.write_table(table, path)
            digest += content_digest(read_part(path))
            parts.append(replace(part, rows=table.num_rows, bytes=path.stat().st_size, sha256=sha256_of(path)))
    rows, size = sum(p.rows for p in parts), sum(p.bytes for p in parts)
    made = replace(before, rows=rows, bytes=size, digest=str(digest), parts=tuple(parts))
    told = run.state_path(state.state)
    told.unlink()
    write_json(told, replace(state, datasets={**state.datasets, dataset: made}))
    receipt = run.receipt()
    files = tuple(describe_file(told, run.path) if f.path.endswith(told.name) else f for f in receipt.files)
    run.write_receipt(replace(receipt, files=files))
