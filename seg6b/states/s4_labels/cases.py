"""Cases: the involved flows of a key gathered over time, and the events of each case.

A flow is involved when something opened a case on it. The flows of a key are ordered by (time, flow_id); a flow joins
the running case while its gap to the last member is inside the window and the case is not older than its member
span. Events are the minima of the members' own stamps, made monotone; a detection after the dispute is not attached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import Mask, ids_of
from seg6b.datasets.vocabulary import CASE_KEY_TYPES, DELAY_MODELS
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import entity2, fold, id64
from seg6b.draws.uniform import Draws
from seg6b.evidence.s4_draws import CLOSE_DELAY, DECISION_DELAY
from seg6b.policy import case as pack
from seg6b.states.s4_labels.case_book import (
    CHARGEBACK,
    CLOSED,
    DECISION,
    DETECTION,
    DISPUTE,
    MICROS,
    MILLI,
    OPENED,
    STEPS,
    CaseBook,
    case_types,
    check_book,
)
from seg6b.states.s4_labels.counts import Counts, draw_keys
from seg6b.states.s4_labels.delays import Delays, delay_law, delays_by_id
from seg6b.states.s4_labels.flows import I32, I64, NEVER, Flows
from seg6b.states.s4_labels.outcomes import DETECTED_POST_AUTH, Outcomes
from seg6b.states.s4_labels.slot_cases import open_slots

CASE_ID_TAG: Final = "case"
_LATEST: Final = np.iinfo(np.int64).max


class Members(NamedTuple):
    """Involved flows ordered by (key type, key, time, flow_id), shape (m,).

    Attributes:
        row: row of the flow.
        key_type: code of the type of its case key.
        key: value of its case key.
        ts: its time.
    """

    row: I64
    key_type: I32
    key: I64
    ts: I64


class Cut(NamedTuple):
    """Where the cases begin, shape (c,): first member, number within the key, whether the case is reopened."""

    start: I64
    nth: I64
    reopened: Mask


def open_cases(
    frame: pl.DataFrame,
    flows: Flows,
    outcomes: Outcomes,
    policy: pack.Grouped | pack.Unordered,
    delays: Delays,
    *,
    draws: Draws,
    counts: Counts,
) -> CaseBook:
    """The cases of whole parties; each involved flow is in exactly one.

    Args:
        frame: the flows with their `instrument_id`, `account_id`, `party_id` and `merchant_id`.
        flows: the same flows as arrays.
        outcomes: what happened to them.
        policy: the case pack.
        delays: laws of the delay pack; closing and decision are drawn by case.
        draws: draws of the run.
        counts: gains the draws made.

    Raises:
        ContractBroken: a case breaks its contract or a guard; see `check_book`.
    """
    keys = draw_keys(draws)
    if isinstance(policy, pack.Unordered):
        return open_slots(flows, outcomes, delays, keys, counts)
    members = _ordered_members(frame, flows, np.flatnonzero(outcomes.opened_at != NEVER), policy.key_precedence)
    cut = _cut(members, policy)
    first = members.row[cut.start]
    n_flows = np.diff(cut.start, append=members.row.size)
    key_type, key = members.key_type[cut.start], members.key[cut.start]
    case_id = _case_ids(key_type, key, cut.nth, draws.id_domain(CASE_ID_TAG))
    stamp, by_row = _minima(members, outcomes, cut.start)
    decision, cells = delay_law(policy.decision), flows.cell[first]
    charged = stamp[:, CHARGEBACK] != NEVER
    decision_ms = delays_by_id(case_id[charged], cells[charged], decision, keys, DECISION_DELAY, counts)
    close_ms = delays_by_id(case_id, cells, delays.close, keys, CLOSE_DELAY, counts)
    _conclude(stamp, by_row, decision_ms, close_ms)
    book = CaseBook(
        row=members.row,
        case_of=np.repeat(np.arange(n_flows.size), n_flows),
        case_id=case_id,
        key_type=key_type,
        key=key,
        case_type=case_types(stamp),
        n_flows=n_flows.astype(np.int32),
        reopened=cut.reopened,
        close_ms=close_ms,
        stamp=stamp,
        by_row=by_row,
        law=_laws(outcomes, stamp, by_row),
        slots=False,
    )
    check_book(book, policy.guards)
    return book


def _ordered_members(frame: pl.DataFrame, flows: Flows, rows: I64, precedence: Sequence[str]) -> Members:
    """Members with the first key of the precedence that each has, ordered."""
    key = np.zeros(rows.size, np.int64)
    key_type = np.zeros(rows.size, np.int32)
    for name in reversed(precedence):
        values = ids_of(frame[f"{name.lower()}_id"])[rows]
        key_type = np.where(values != 0, CASE_KEY_TYPES.index(name), key_type).astype(np.int32)
        key = np.where(values != 0, values, key)
    ts = flows.ts[rows]
    order = np.lexsort((flows.flow_id[rows], ts, key, key_type))
    return Members(rows[order], key_type[order], key[order], ts[order])


def _cut(members: Members, policy: pack.Grouped) -> Cut:
    """Where a new case begins: at another key, past the window, or past the member span."""
    same_key = np.zeros(members.row.size, np.bool_)
    same_key[1:] = (members.key[1:] == members.key[:-1]) & (members.key_type[1:] == members.key_type[:-1])
    begins = _begins(members.ts, same_key, policy.window_s * MICROS, policy.member_span_s * MICROS)
    start = np.flatnonzero(begins)
    follows = same_key[start]
    gap = members.ts[start] - members.ts[np.maximum(start - 1, 0)]
    case = np.arange(start.size)
    first_of_key = np.maximum.accumulate(np.where(follows, 0, case))
    return Cut(start, case - first_of_key, follows & (gap < policy.reopen_gap_s * MICROS))


@kernel
def _begins(ts: I64, same_key: Mask, window_us: int, span_us: int) -> Mask:
    """Whether each member begins a case."""
    out = np.zeros(ts.size, np.bool_)
    first = 0
    for i in range(ts.size):
        if not same_key[i] or ts[i] - ts[i - 1] > window_us or ts[i] - ts[first] > span_us:
            out[i] = True
            first = i
    return out


@kernel
def _case_ids(key_type: I32, key: I64, index: I64, domain: np.uint64) -> I64:
    """Ids from the key's type and value and the index of the case within the key."""
    out = np.empty(key.size, np.int64)
    for i in range(key.size):
        out[i] = id64(fold(entity2(np.int64(key_type[i]), key[i]), np.uint64(index[i])), domain)
    return out


def _minima(members: Members, outcomes: Outcomes, start: I64) -> tuple[I64, I64]:
    """Earliest stamp of each step of a case and the row that set it (the first in order among equals)."""
    stamp = np.full((start.size, STEPS), NEVER, np.int64)
    by_row = np.zeros((start.size, STEPS), np.int64)
    if start.size == 0:
        return stamp, by_row
    position = np.arange(members.row.size)
    case = np.repeat(np.arange(start.size), np.diff(start, append=members.row.size))
    for step, column in (
        (OPENED, outcomes.opened_at),
        (DETECTION, outcomes.detected_at),
        (DISPUTE, outcomes.disputed_at),
        (CHARGEBACK, outcomes.charged_back_at),
    ):
        own = column[members.row]
        own = np.where(own == NEVER, _LATEST, own)
        least = np.minimum.reduceat(own, start)
        setter = np.minimum.reduceat(np.where(own == least[case], position, _LATEST), start)
        stamp[:, step] = np.where(least == _LATEST, NEVER, least)
        by_row[:, step] = members.row[setter]
    return stamp, by_row


def _conclude(stamp: I64, by_row: I64, decision_ms: I64, close_ms: I64) -> None:
    """Drop a detection after the dispute, add decision and closing, and let no event precede an earlier step."""
    late = (stamp[:, DISPUTE] != NEVER) & (stamp[:, DETECTION] > stamp[:, DISPUTE])
    stamp[late, DETECTION] = NEVER
    charged = stamp[:, CHARGEBACK] != NEVER
    stamp[charged, DECISION] = stamp[charged, CHARGEBACK] + decision_ms * MILLI
    by_row[charged, DECISION] = by_row[charged, CHARGEBACK]
    last, setter = stamp[:, OPENED].copy(), by_row[:, OPENED].copy()
    for step in range(DETECTION, CLOSED):
        happened = stamp[:, step] != NEVER
        last = np.where(happened, np.maximum(last, stamp[:, step]), last)
        setter = np.where(happened, by_row[:, step], setter)
        stamp[:, step] = np.where(happened, last, NEVER)
    stamp[:, CLOSED] = last + close_ms * MILLI
    by_row[:, CLOSED] = setter


def _laws(outcomes: Outcomes, stamp: I64, by_row: I64) -> npt.NDArray[np.int32]:
    """The delay model behind each stamp: none for opening, decision, and a detection at authorisation."""
    law = np.full(stamp.shape, -1, np.int32)
    law[:, (DETECTION, DISPUTE, CHARGEBACK, CLOSED)] = np.arange(len(DELAY_MODELS))
    at_once = outcomes.detection[by_row[:, DETECTION]] != DETECTED_POST_AUTH
    law[at_once, DETECTION] = -1
    return law
