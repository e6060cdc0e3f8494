"""What every row of S4 must hold, counted: rows looked at and rows that break it, by check and cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import codes_of
from seg6b.datasets.vocabulary import BANK_LABELS, CASE_EVENT_TYPES
from seg6b.evidence.tables import Measure
from seg6b.shards.cells import CELLS

CHECKS: Final = (
    "truth_flag",
    "bank_flag",
    "decline_as_events_say",
    "challenge_after_step_up",
    "dispute_of_moved_money",
    "chargeback_after_dispute",
    "stamps_of_outcomes",
    "no_case_label_without_case",
    "case_label_with_case",
    "case_closed",
    "case_numbered",
    "case_opens_first_closes_last",
    "case_monotone",
    "flow_in_one_case",
    "case_stamps_of_members",
)
LABEL_CHECKS: Final = Measure("label_checks", ("cell", "check"), ("n", "bad"), doc="rows looked at, rows that break it")

Mask = npt.NDArray[np.bool_]
I64 = npt.NDArray[np.int64]
_OPENED: Final = CASE_EVENT_TYPES.index("CASE_OPENED")
_CLOSED: Final = CASE_EVENT_TYPES.index("CASE_CLOSED")
_FRAUD: Final = tuple(label for label in BANK_LABELS if label in ("BANK_CONFIRMED_FRAUD", "CHARGEBACK_WRITTEN_OFF"))


def label_checks(
    flows: pl.DataFrame, truth: pl.DataFrame, bank: pl.DataFrame, timeline: pl.DataFrame, links: pl.DataFrame
) -> pl.DataFrame:
    """Counts of every check.

    Args:
        flows: S3 flows with `cell`, `declined`, `step_up` and `disputable`.
        truth: truth labels in the order of the flows.
        bank: bank view in the order of the flows.
        timeline: case events with `cell`, ordered by case and number.
        links: members of the cases.
    """
    cells = flows["cell"].to_numpy()
    rows = [_tally(cells, check, bad) for check, bad in _flow_checks(flows, truth, bank)]
    rows += [_tally(cells, check, bad) for check, bad in _membership(flows, bank, timeline, links)]
    starts = case_starts(timeline)
    if starts.size:
        cells = timeline["cell"].fill_null(0).to_numpy()[starts]
        rows += [_tally(cells, check, bad) for check, bad in _case_checks(timeline, starts)]
    return pl.concat(rows)


def case_starts(timeline: pl.DataFrame) -> I64:
    """Row of the first event of each case, for events that lie case by case."""
    case = timeline["case_id"].to_numpy()
    return np.flatnonzero(np.concatenate([np.ones(min(1, case.size), np.bool_), case[1:] != case[:-1]]))


def _flow_checks(flows: pl.DataFrame, truth: pl.DataFrame, bank: pl.DataFrame) -> Iterator[tuple[str, Mask]]:
    label, opened = bank["bank_label"], bank["case_opened_ts"].is_not_null()
    disputed = bank["dispute_outcome"] == "DISPUTE_FILED"
    charged = bank["chargeback_outcome"] != "NO_CHARGEBACK"
    unlabelled = label == "NO_CASE_OPENED"
    stamped = (
        ((bank["detection_outcome"] != "NOT_DETECTED") == bank["detection_ts"].is_not_null())
        & (disputed == bank["dispute_ts"].is_not_null())
        & (charged == bank["chargeback_ts"].is_not_null())
        & (charged == bank["chargeback_type"].is_not_null())
    )
    yield "truth_flag", _bad(truth["is_fraud_truth"] == (truth["fraud_label"] != "LEGIT"))
    yield "bank_flag", _bad(bank["is_fraud_bank_view"] == ((label == _FRAUD[0]) | (label == _FRAUD[1])))
    yield "decline_as_events_say", _bad((bank["auth_decision"] == "DECLINE") == flows["declined"])
    yield "challenge_after_step_up", _bad((bank["auth_decision"] != "CHALLENGE") | flows["step_up"])
    yield "dispute_of_moved_money", _bad(~disputed | flows["disputable"])
    yield "chargeback_after_dispute", _bad(~charged | disputed)
    yield "stamps_of_outcomes", _bad(stamped)
    yield "no_case_label_without_case", _bad(~(unlabelled & opened))
    yield "case_label_with_case", _bad(unlabelled | opened)
    yield "case_closed", _bad(opened == bank["case_closed_ts"].is_not_null())


def _membership(
    flows: pl.DataFrame, bank: pl.DataFrame, timeline: pl.DataFrame, links: pl.DataFrame
) -> Iterator[tuple[str, Mask]]:
    """Involved flows are in exactly one case, which opens with its first member and closes when they say."""
    involved = bank.select("flow_id", "case_opened_ts", "case_closed_ts").with_row_index("row")
    involved = involved.filter(pl.col("case_opened_ts").is_not_null())
    times = links.group_by("flow_id").agg(times=pl.len(), case_id=pl.col("case_id").first())
    kind, at = pl.col("case_event_type"), pl.col("ts_utc")
    ends = timeline.group_by("case_id").agg(
        opened=at.filter(kind == "CASE_OPENED").min(), closed=at.filter(kind == "CASE_CLOSED").max()
    )
    members = involved.join(times, on="flow_id", how="left").join(ends, on="case_id", how="left")
    first = pl.col("case_opened_ts").min().over("case_id")
    agree = (first == pl.col("opened")) & (pl.col("case_closed_ts") == pl.col("closed"))
    told = members.select("row", once=(pl.col("times") == 1).fill_null(value=False), agree=agree.fill_null(value=False))
    strangers = links.height - int(members["times"].fill_null(0).sum())
    for check, column in (("flow_in_one_case", "once"), ("case_stamps_of_members", "agree")):
        bad = np.zeros(flows.height, np.bool_)
        bad[told["row"].to_numpy()] = ~told[column].to_numpy()
        if strangers and check == "flow_in_one_case" and bad.size:
            bad[:strangers] = True
        yield check, bad


def _case_checks(timeline: pl.DataFrame, starts: I64) -> Iterator[tuple[str, Mask]]:
    """Checks of each case's own events."""
    size = np.diff(starts, append=timeline.height)
    last = starts + size - 1
    seq, kind = timeline["case_event_seq"].to_numpy(), codes_of(timeline["case_event_type"])
    at = timeline["ts_utc"].to_physical().to_numpy()
    step = np.arange(timeline.height) - np.repeat(starts, size)
    inside = np.ones(timeline.height, np.bool_)
    inside[starts] = False
    inside = inside[1:]
    steps = np.add.reduceat(np.int64(1) << kind, starts)
    kinds = np.bitwise_or.reduceat(np.int64(1) << kind, starts)
    yield "case_numbered", np.logical_or.reduceat(seq != step, starts)
    yield "case_opens_first_closes_last", (kind[starts] != _OPENED) | (kind[last] != _CLOSED) | (steps != kinds)
    backwards = np.zeros(timeline.height, np.bool_)
    backwards[1:] = inside & (at[1:] < at[:-1])
    yield "case_monotone", np.logical_or.reduceat(backwards, starts)


def _bad(holds: pl.Series) -> Mask:
    """Rows where a statement does not hold; a null holds nothing."""
    return ~holds.fill_null(value=False).to_numpy()


def _tally(cells: npt.NDArray[np.uint8], check: str, bad: Mask) -> pl.DataFrame:
    n = np.bincount(cells, minlength=CELLS)
    worse = np.bincount(cells[bad], minlength=CELLS) if bad.any() else np.zeros(CELLS, np.int64)
    met = np.flatnonzero(n)
    return pl.DataFrame(
        {
            "cell": met.astype(np.uint8),
            "check": pl.Series([check] * met.size, dtype=pl.Enum(CHECKS)),
            "n": n[met].astype(np.int64),
            "bad": worse[met].astype(np.int64),
        }
    )
