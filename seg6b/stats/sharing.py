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
    order = np.lexsort((cell, entity))
    cell, entity, low, high = cell[order], entity[order], low[order], high[order]
    new = np.concatenate([[True], entity[1:] != entity[:-1]]) if entity.size else np.zeros(0, bool)
    group = np.cumsum(new) - 1
    size = int(group[-1]) + 1 if group.size else 0
    rest_low = _other_extreme(group, size, low, np.minimum)
    rest_high = _other_extreme(group, size, high, np.maximum)
    single = np.bincount(group, minlength=size)[group] == 1
    starts = np.flatnonzero(new)
    shared = (np.minimum.reduceat(low, starts) < np.maximum.reduceat(high, starts)) if size else np.zeros(0, bool)
    still = ~single & (rest_low < rest_high)
    cells, at = np.unique(cell, return_inverse=True)
    gone = np.bincount(at[single], minlength=cells.size)
    lost = np.bincount(at[shared[group] & ~still], minlength=cells.size)
    entities = np.concatenate([[size], size - gone]).astype(np.int64)
    return cells, entities, np.concatenate([[shared.sum()], shared.sum() - lost]).astype(np.int64)


def _other_extreme(group: I64, size: int, bound: I64, pick: np.ufunc) -> I64:
    """Extreme of the other rows of each row's group; meaningless where a row is alone."""
    if not size:
        return bound
    ascending = pick is np.minimum
    order = np.lexsort((bound if ascending else -bound, group))
    starts = np.searchsorted(group[order], np.arange(size))
    second = np.minimum(starts + 1, group.size - 1)
    first_row = order[starts]
    out = bound[first_row][group]
    out[first_row] = bound[order[second]]
    return out
