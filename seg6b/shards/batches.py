"""Cutting work: parts into groups, groups into tasks, and the rows of a group into batches of whole parties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def group_parts(rows: Sequence[int], batch_rows: int, workers: int) -> list[range]:
    """Consecutive parts, grouped until a group reaches `batch_rows`, yet enough groups for all workers.

    Args:
        rows: rows of each part, in order.
        batch_rows: rows wanted in one kernel call.
        workers: tasks that run at once.

    Returns:
        Index ranges that cover all parts in order.
    """
    limit = min(batch_rows, -(-sum(rows) // max(1, workers)))
    groups: list[range] = []
    start, held = 0, 0
    for index, count in enumerate(rows):
        if index > start and held + count > limit:
            groups.append(range(start, index))
            start, held = index, 0
        held += count
    if rows:
        groups.append(range(start, len(rows)))
    return groups


def share_groups(rows: Sequence[int], groups: Sequence[range], workers: int) -> list[list[range]]:
    """Consecutive groups, shared among the workers by rows: what one worker goes through, and writes as one series.

    Args:
        rows: rows of each part, in order.
        groups: index ranges of parts, in order, as `group_parts` makes them.
        workers: tasks that run at once.

    Returns:
        The groups in order, in at most `workers` runs.
    """
    if len(groups) <= workers:
        return [[group] for group in groups]
    held = np.array([sum(rows[g.start : g.stop]) for g in groups], np.float64)
    middle = np.cumsum(held) - held / 2
    share = np.minimum(middle * workers // max(1.0, held.sum()), workers - 1)
    return [[g for g, s in zip(groups, share, strict=True) if s == k] for k in np.unique(share)]


def cut_parties(party_id: npt.NDArray[np.int64], batch_rows: int) -> list[tuple[int, int]]:
    """Row spans of about `batch_rows` that never split a party; rows of a party are adjacent.

    A party larger than `batch_rows` becomes a span of its own.
    """
    size = party_id.size
    if size == 0:
        return []
    starts = np.concatenate([[0], np.flatnonzero(party_id[1:] != party_id[:-1]) + 1, [size]])
    spans: list[tuple[int, int]] = []
    begin = 0
    while begin < size:
        wanted = begin + batch_rows
        at = int(np.searchsorted(starts, wanted, side="right")) - 1
        end = int(starts[at])
        if end <= begin:
            end = int(starts[at + 1])
        spans.append((begin, end))
        begin = end
    return spans
