"""Strategy `two_pass`: members of sessions go to temporary files, and a second pass sums them up, bucket by bucket.

What S1 did before POPT.1. The first pass writes one file a batch, one row an arrival: a session's dominant entities
cannot be told from sums of its pieces. The second reads a file, sorts its rows into `BUCKETS` buckets by a hash of
their session, sums each bucket up and puts the sessions back into the order of the batch.

Costs beside `bucketed` one write and one read of 70 B an arrival, one sort of the arrivals and one of the sessions; no
join. Memory: the members of a batch three times (read, sorted, one bucket), and its sessions twice. Disk: the members
of one task, some `batch_rows`, or of one shard where that is larger; each file goes once it was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from seg6b.draws.compiled import read_only
from seg6b.runs.meter import Meter
from seg6b.states.s1_attach.boundaries import Cut, Visits
from seg6b.states.s1_attach.index import session_index
from seg6b.states.s1_attach.published import Chosen
from seg6b.states.s1_attach.sessions.contract import Members

BUCKETS: Final = 16


def consolidate(batches: Iterable[Members], folder: Path, meter: Meter) -> Iterator[pl.DataFrame]:
    """The index of each batch once all of them are cut; see `contract.Strategy`."""
    paths = []
    for number, batch in enumerate(batches):
        paths.append(folder / f"members-{number:05d}.arrow")
        with meter.lane("compute"):
            rows = _rows(batch)
        with meter.lane("write"):
            folder.mkdir(parents=True, exist_ok=True)
            rows.write_ipc(paths[-1])
    for path in paths:
        with meter.lane("input"):
            rows = pl.read_ipc(path)
            path.unlink()
        with meter.lane("compute"):
            index = _index(rows)
        yield index
    if paths:
        folder.rmdir()


def _rows(batch: Members) -> pl.DataFrame:
    """One row an arrival: its session, the session's place in the cut, and what the index tells of."""
    cut, visits, chosen = batch
    place = np.empty(visits.ts.size, np.int32)
    place[cut.order] = np.repeat(np.arange(cut.session_id.size, dtype=np.int32), np.diff(cut.starts))
    return pl.DataFrame(
        {
            "session_id": cut.session_id[place],
            "place": place,
            "reason": cut.reason[place],
            "party_id": visits.party_id,
            "ts": visits.ts,
            "merchant_id": visits.merchant_id,
            "channel": visits.channel,
            **chosen._asdict(),
        }
    )


def _index(rows: pl.DataFrame) -> pl.DataFrame:
    """Sessions of a batch, in the order of its cut."""
    bucketed = rows.with_columns(bucket=(pl.col("session_id") % BUCKETS).cast(pl.UInt8))
    ordered = bucketed.sort("bucket", "session_id", maintain_order=True)
    ends = np.searchsorted(ordered["bucket"].to_numpy(), np.arange(BUCKETS + 1))
    pieces = [_sums(ordered[low:high]) for low, high in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
    return pl.concat(pieces).sort("place").drop("place")


def _sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Index rows of the sessions of a bucket, with their places; members are adjacent and in time order."""
    session_id = rows["session_id"].to_numpy()
    first = np.flatnonzero(np.diff(session_id, prepend=-1))
    cut = Cut(
        order=np.arange(session_id.size),
        starts=np.append(first, session_id.size),
        reason=rows["reason"].to_numpy()[first],
        session_id=session_id[first],
    )
    index = session_index(cut, _visits(rows), Chosen(*(_own(rows, name) for name in Chosen._fields)))
    return index.with_columns(place=rows["place"].to_numpy()[first])


def _visits(rows: pl.DataFrame) -> Visits:
    """The lane's columns, zeros for what the index does not tell of.

    They are writable where a batch's own are, since a kernel is compiled once for each kind.
    """
    nothing = np.zeros(rows.height, np.int64)
    return Visits(
        party_id=_own(rows, "party_id"),
        ts=rows["ts"].to_numpy(),
        merchant_id=_own(rows, "merchant_id"),
        seq=read_only(nothing),
        device_id=_own(rows, "device_id"),
        channel=rows["channel"].to_numpy(),
        cell=np.zeros(rows.height, np.uint8),
    )


def _own(rows: pl.DataFrame, name: str) -> np.ndarray:
    return rows[name].to_numpy(writable=True)
