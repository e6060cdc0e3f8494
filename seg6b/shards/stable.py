"""Stable sorting inside kernels: the rows of one party by one key.

A merge sort of our own: it compiles in a fraction of the time of NumPy's sorts, and rows come as indexes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.draws.compiled import kernel

I64 = npt.NDArray[np.int64]

RUN = 16


@kernel
def sort_rows(rows: I64, keys: I64) -> None:
    """Sort `rows` in place by `keys[row]`, ascending; rows of equal key keep their order."""
    size = rows.size
    for begin in range(0, size, RUN):
        for i in range(begin + 1, min(begin + RUN, size)):
            row = rows[i]
            j = i
            while j > begin and keys[rows[j - 1]] > keys[row]:
                rows[j] = rows[j - 1]
                j -= 1
            rows[j] = row
    if size <= RUN:
        return
    spare = np.empty(size, np.int64)
    width = RUN
    while width < size:
        for begin in range(0, size, 2 * width):
            middle, end = min(begin + width, size), min(begin + 2 * width, size)
            left, right = begin, middle
            for i in range(begin, end):
                if left < middle and (right >= end or keys[rows[left]] <= keys[rows[right]]):
                    spare[i] = rows[left]
                    left += 1
                else:
                    spare[i] = rows[right]
                    right += 1
        for i in range(size):
            rows[i] = spare[i]
        width *= 2
