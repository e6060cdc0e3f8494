"""Shared entities: which are used by more than one user, when each cell only knows its smallest and largest user."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]


def shared_counts(cell: I64, entity: I64, low: I64, high: I64) -> tuple[I64, I64, I64]:
    """Entities, and entities with more than one user, in all cells and without each one.

    An entity is shared exactly when its smallest and its largest user differ. To delete a cell only touches the
    entities seen in it; for those the two smallest and the two largest bounds by cell give the answer.

    Args:
        cell: cell of each row; a (cell, entity) pair occurs once.
        entity: entity of each row.
        low: smallest user of the entity in the cell.
        high: largest user of the entity in the cell.

    Returns:
        Non-empty cells (g,); entities (g + 1,); shared entities (g + 1,): first over all cells, then without each.
    """
    order = np.argsort(entity, kind="stable")
    cell, entity, low, high = cell[order], entity[order], low[order], high[order]
    new = np.concatenate([[True], entity[1:] != entity[:-1]]) if entity.size else np.zeros(0, bool)
    group = np.cumsum(new) - 1
    size = int(group[-1]) + 1 if group.size else 0
    single = np.bincount(group, minlength=size)[group] == 1
    starts = np.flatnonzero(new)
    shared = (np.minimum.reduceat(low, starts) < np.maximum.reduceat(high, starts)) if size else np.zeros(0, bool)
    still = np.zeros(entity.size, bool)
    still[~single] = _shared_without(entity[~single], low[~single], high[~single])
    cells = np.flatnonzero(np.bincount(cell))
    most = int(cells[-1]) + 1 if cells.size else 0
    gone = np.bincount(cell[single], minlength=most)[cells]
    lost = np.bincount(cell[shared[group] & ~still], minlength=most)[cells]
    entities = np.concatenate([[size], size - gone]).astype(np.int64)
    return cells, entities, np.concatenate([[shared.sum()], shared.sum() - lost]).astype(np.int64)


def _shared_without(entity: I64, low: I64, high: I64) -> npt.NDArray[np.bool_]:
    """Whether each row's entity is shared by the users of its other rows; an entity has two rows or more, adjacent."""
    starts = np.flatnonzero(np.diff(entity, prepend=entity[:1] - 1))
    group = np.repeat(np.arange(starts.size), np.diff(starts, append=entity.size))
    least = _other_least(group, starts, low)
    most = -_other_least(group, starts, -high)
    return least < most


def _other_least(group: I64, starts: I64, bound: I64) -> I64:
    """Smallest bound of the other rows of each row's group."""
    order = np.lexsort((bound, group))
    first = order[starts]
    out = bound[first][group]
    out[first] = bound[order[starts + 1]] if starts.size else bound
    return out
