"""What every strategy of `s1.attach` is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seg6b.states.s1_attach.entities import Held
from seg6b.states.s1_attach.links import LinkKeys, Links, Rows
from seg6b.states.s1_attach.weights import Weights


class Law(NamedTuple):
    """By what candidates are chosen.

    Attributes:
        weights: the prior's weights.
        keys: words of the four decisions.
        optional: channels on which an instrument may be missing: shape (5,).
    """

    weights: Weights
    keys: LinkKeys
    optional: npt.NDArray[np.bool_]


class Linked(NamedTuple):
    """What the rows of a batch are linked to.

    Attributes:
        links: indexes into the arrays of `Held`: shape (n,) each.
        drawn: draws by cell and decision: shape (cells, 4).
        lost: a row without the candidate that it needs, -1 where every row has its own; with one, `links` and
            `drawn` mean nothing.
    """

    links: Links
    drawn: npt.NDArray[np.int64]
    lost: int


Link = Callable[[Rows], Linked]
"""Links the arrivals of a batch; may be called from several threads at once."""

Strategy = Callable[[Held, Law], Link]
"""Prepares once, from what all parties hold, whatever its lookups need."""
