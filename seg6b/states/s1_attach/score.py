"""The score of an attachment: the weight of the chosen party as a share of its pool."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from seg6b.datasets.vocabulary import ATTACH_RULES
from seg6b.draws.compiled import kernel
from seg6b.states.s1_attach.links import Rows
from seg6b.states.s1_attach.pools import Pools

F64 = npt.NDArray[np.float64]

HOME = np.int8(ATTACH_RULES.index("HOME"))


@kernel
def scores(rows: Rows, rule: npt.NDArray[np.int8], base: F64, country: npt.NDArray[np.int32], pools: Pools) -> F64:
    """Score of each row: weight x p_home over the home pool, or weight x (1 - p_home) over the pool of those away."""
    out = np.empty(rows.party.size, np.float64)
    for i in range(out.size):
        p, ch = rows.party[i], rows.channel[i]
        stay = pools.p_home[pools.segment[p], ch]
        if rule[i] == HOME:
            out[i] = base[p] * stay / pools.home[ch, country[rows.merchant[i]]]
        else:
            out[i] = base[p] * (1.0 - stay) / pools.away[ch, pools.away.shape[1] - 1]
    return out
