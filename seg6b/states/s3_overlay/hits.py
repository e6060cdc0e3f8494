"""Hits: which flows of a batch belong to which campaign, each to one at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from seg6b.draws.mix import U64
from seg6b.draws.uniform import Draws
from seg6b.evidence import s3_draws as d
from seg6b.states.s3_overlay.candidates import ACCOUNT, INSTRUMENT, MERCHANT, Mask, Rows, Scored
from seg6b.states.s3_overlay.entity import with_id
from seg6b.states.s3_overlay.posture import I64
from seg6b.states.s3_overlay.race import scaled_cap, winners
from seg6b.states.s3_overlay.targets import Seeker, Targets


@dataclass(frozen=True, slots=True)
class Hits:
    """Campaign flows of a batch: rows in ascending order, and the instance that each belongs to."""

    rows: I64
    instances: I64

    @property
    def size(self) -> int:
        """Flows hit."""
        return self.rows.size


NO_HITS = Hits(np.zeros(0, np.int64), np.zeros(0, np.int64))


def find_hits(flows: pl.DataFrame, seeker: Seeker, targets: Targets, ranks: I64) -> Hits:
    """Hits of a batch by the thresholds of the run.

    A flow that several campaigns hit goes to the smallest score, ties to the smallest campaign id (`ranks`). Caps on
    the flows of an entity are filled before conflicts are settled.
    """
    rows, scored = seeker.look(flows)
    found = scored.found
    won = _winning_groups(scored, seeker.terms.kinds, targets)
    pair = np.flatnonzero(won[found.pair_group])
    pair = pair[_under_cap(pair, rows, scored, seeker.terms.kinds, targets.caps)]
    instance = found.group_slot[found.pair_group[pair]] >> 1
    order = np.lexsort((ranks[instance], scored.scores[found.pair_group[pair]], found.pair_row[pair]))
    row = found.pair_row[pair][order]
    first = np.ones(row.size, np.bool_)
    first[1:] = row[1:] != row[:-1]
    return Hits(row[first], instance[order][first])


def _winning_groups(scored: Scored, kinds: I64, targets: Targets) -> Mask:
    found = scored.found
    won = np.zeros(found.group_slot.size, np.bool_)
    merchant = kinds[found.group_slot >> 1] == MERCHANT
    if merchant.any():
        at = np.flatnonzero(merchant)
        won[at] = targets.merchants.wins(
            found.group_slot[at], found.group_merchant[at], scored.scores[at], found.group_target[at]
        )
    others = np.flatnonzero(~merchant)
    if others.size:
        won[others] = winners(
            scored.scores[others], found.group_target[others], found.group_slot[others], targets.thresholds
        )
    return won


def _under_cap(pair: I64, rows: Rows, scored: Scored, kinds: I64, caps: I64) -> Mask:
    """Whether each winning pair is among the first `cap` of its entity: most wanted first, then by time."""
    found = scored.found
    group, row = found.pair_group[pair], found.pair_row[pair]
    instance = found.group_slot[group] >> 1
    order = np.lexsort((rows.flow_id[row], rows.ts[row], -found.pair_weight[pair], group))
    starts = np.searchsorted(group[order], group[order])
    rank = np.empty(pair.size, np.int64)
    rank[order] = np.arange(pair.size) - starts
    entity = (kinds[instance] == INSTRUMENT) | (kinds[instance] == ACCOUNT)
    cap = scaled_cap(caps[instance], found.group_risk[group])
    under: Mask = ~entity | (rank < cap)
    return under


def hash_hits(flows: pl.DataFrame, words: U64, thresholds_ppm: I64, draws: Draws) -> Hits:
    """Hits as D+ took them: a uniform a template and flow against its ppm; the first template in order wins."""
    flow_id = flows["flow_id"].to_numpy()
    instance = np.full(flow_id.size, -1, np.int64)
    for i in np.flatnonzero(thresholds_ppm):
        u = draws.uniform(*d.SELECT_TARGET, with_id(words[i], flow_id))
        instance[(instance < 0) & (u < thresholds_ppm[i] / 1e6)] = i
    rows = np.flatnonzero(instance >= 0)
    return Hits(rows, instance[rows])
