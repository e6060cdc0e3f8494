"""Evidence of S4: truth, bank view, cases and event labels, from published columns alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import codes_of, dictionary
from seg6b.datasets.tables import BANK_VIEW, CASE_FLOWS, CASES, EVENT_LABELS, FLOWS_WITH_FRAUD, TRUTH
from seg6b.datasets.vocabulary import CASE_EVENT_TYPES, CHARGEBACK_TYPES, DELAY_MODELS, NONE
from seg6b.evidence.flow_facts import DECLINED, DISPUTABLE, STEP_UP
from seg6b.evidence.ledger import LEDGER, ledger_s4
from seg6b.evidence.packed import count_packed
from seg6b.evidence.s4_checks import LABEL_CHECKS, case_starts, label_checks
from seg6b.evidence.tables import DRAWS, Evidence, Measure
from seg6b.shards.cells import cell_of

_TYPES: Final = (NONE, *CHARGEBACK_TYPES)
_DELAYS: Final = {
    "DETECTION_DELAY_V1": "detection_delay_s",
    "DISPUTE_DELAY_V1": "dispute_delay_s",
    "CHARGEBACK_DELAY_V1": "chargeback_delay_s",
}
MICROS: Final = 1_000_000

TRUTH_COUNTS: Final = Measure(
    "truth",
    (
        "cell",
        "campaign",
        "fraud_pattern_type",
        "overlay_anomaly_any",
        "pattern_source",
        "truth_rule_id",
        "truth_subtype",
        "fraud_label",
        "is_fraud_truth",
    ),
    doc="flows by S3's flags and truth",
)
BANK: Final = Measure(
    "bank",
    (
        "cell",
        "merchant_class",
        "fraud_label",
        "truth_subtype",
        "auth_decision",
        "detection_outcome",
        "dispute_outcome",
        "chargeback_type",
        "chargeback_outcome",
        "bank_label",
        "is_fraud_bank_view",
        "case_opened",
    ),
    doc="flows by truth and bank view; chargeback type NONE without a chargeback",
)
BANK_AMOUNTS: Final = Measure(
    "bank_amounts",
    ("cell", "amount_family", "bank_label", "is_fraud_bank_view", "amount_minor"),
    doc="flows by amount, minor units",
)
BANK_GEO: Final = Measure(
    "bank_geo",
    ("cell", "bank_label", "is_cross_border", "merchant_country_iso", "party_country_iso"),
    doc="flows by corridor",
)
DECISIONS: Final = Measure(
    "decisions",
    ("cell", "truth_subtype", "fraud_pattern_type", "channel_group", "declined", "step_up", "disputable"),
    doc="flows by what leaves the bank a choice",
)
CASE_GAPS: Final = Measure(
    "case_gaps",
    ("cell", "gap_s", "negative"),
    doc="gaps between consecutive case events, seconds rounded half-even; negative by microseconds",
)
CASE_SPANS: Final = Measure(
    "case_spans",
    ("cell", "duration_s", "has_gap", "non_monotone"),
    doc="cases by time from the earliest to the latest event, seconds rounded half-even",
)
CASE_COUNTS: Final = Measure(
    "cases",
    ("cell", "case_type", "case_key_type", "n_flows", "n_events", "reopened", "has_chargeback"),
    doc="cases",
)
CASE_EVENTS: Final = Measure("case_events", ("cell", "case_event_type"), doc="case events")
DELAYS: Final = Measure(
    "delays", ("cell", "model", "ms"), doc="published delays in milliseconds; closing once a case, the rest once a flow"
)
EVENT_ROLES: Final = Measure(
    "event_roles",
    ("cell", "truth_event_role", "is_fraud_event_truth", "is_detection_action", "is_case_event"),
    doc="events",
)

MEASURES: Final[dict[str, Measure]] = {
    measure.name: measure
    for measure in (
        TRUTH_COUNTS,
        BANK,
        BANK_AMOUNTS,
        BANK_GEO,
        DECISIONS,
        CASE_GAPS,
        CASE_SPANS,
        CASE_COUNTS,
        CASE_EVENTS,
        DELAYS,
        EVENT_ROLES,
        LABEL_CHECKS,
        DRAWS,
    )
} | LEDGER


def measure_s4(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Evidence of the flows of S3 and what S4 published about them, whatever the order of the rows.

    Args:
        frames: by dataset name: S3's flows and events, and the five datasets of S4, of the same parties.
    """
    flows = _with_cells(frames[FLOWS_WITH_FRAUD.name])
    truth = _follow(flows, frames[TRUTH.name])
    bank = _follow(flows, frames[BANK_VIEW.name])
    labels = _event_cells(flows, frames[EVENT_LABELS.name])
    timeline = _timeline(flows, bank, frames[CASES.name])
    evidence = Evidence()
    _count(evidence, TRUTH_COUNTS, _join(flows, truth).with_columns(campaign=pl.col("campaign_id").is_not_null()))
    _measure_bank(evidence, flows, truth, bank)
    _count(evidence, EVENT_ROLES, labels)
    _count(evidence, CASE_EVENTS, timeline)
    _measure_cases(evidence, timeline)
    _measure_delays(evidence, flows, bank, timeline)
    evidence.put(LABEL_CHECKS, label_checks(flows, truth, bank, timeline, frames[CASE_FLOWS.name]))
    ledger_s4(evidence, frames)
    return evidence


def _count(evidence: Evidence, measure: Measure, frame: pl.DataFrame) -> None:
    evidence.put(measure, count_packed(measure, frame.select(measure.keys)))


def _with_cells(flows: pl.DataFrame) -> pl.DataFrame:
    facts = {"declined": DECLINED, "step_up": STEP_UP, "disputable": DISPUTABLE}
    return flows.with_columns(cell=pl.Series(cell_of(flows["party_id"].to_numpy())), **facts)


def _follow(flows: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` in the order of the flows; a flow without a row gets nulls, which no gate accepts."""
    if rows.height == flows.height and (rows["flow_id"] == flows["flow_id"]).all():
        return rows
    return flows.select("flow_id").join(rows.unique("flow_id"), on="flow_id", how="left", maintain_order="left")


def _join(flows: pl.DataFrame, *others: pl.DataFrame) -> pl.DataFrame:
    """Columns of frames in one order, side by side; the first to name a column gives it."""
    columns = {name: flows[name] for name in flows.columns}
    for other in others:
        columns |= {name: other[name] for name in other.columns if name not in columns}
    return pl.DataFrame(columns)


def _event_cells(flows: pl.DataFrame, labels: pl.DataFrame) -> pl.DataFrame:
    """Event labels with the cell of their flow."""
    times = flows["n_events"].to_numpy()
    if times.sum() == labels.height:
        owners = np.repeat(flows["flow_id"].to_numpy(), times)
        if np.array_equal(owners, labels["flow_id"].to_numpy()):
            return labels.with_columns(cell=pl.Series(np.repeat(flows["cell"].to_numpy(), times)))
    return labels.join(flows.select("flow_id", "cell"), on="flow_id", how="left", maintain_order="left")


def _timeline(flows: pl.DataFrame, bank: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Case events with the cell of their flow, case by case in the order of `case_event_seq`."""
    owners = flows.select("flow_id", "cell")
    involved = owners.filter(bank["case_opened_ts"].is_not_null())
    told = cases.join(involved, on="flow_id", how="left", maintain_order="left")
    if told["cell"].null_count():
        told = cases.join(owners, on="flow_id", how="left", maintain_order="left")
    return told.sort("case_id", "case_event_seq")


def _measure_bank(evidence: Evidence, flows: pl.DataFrame, truth: pl.DataFrame, bank: pl.DataFrame) -> None:
    types = bank["chargeback_type"]
    view = _join(bank, truth, flows).with_columns(
        chargeback_type=dictionary(codes_of(types) + 1, _TYPES),
        case_opened=pl.col("case_opened_ts").is_not_null(),
    )
    for measure in (BANK, BANK_AMOUNTS, BANK_GEO, DECISIONS):
        _count(evidence, measure, view)


def _measure_cases(evidence: Evidence, timeline: pl.DataFrame) -> None:
    case, at = timeline["case_id"].to_numpy(), timeline["ts_utc"].to_physical().to_numpy()
    inside = case[1:] == case[:-1]
    gaps = (at[1:] - at[:-1])[inside]
    cells = timeline["cell"].to_numpy()[1:][inside]
    _count(
        evidence,
        CASE_GAPS,
        pl.DataFrame({"cell": cells, "gap_s": _seconds(gaps), "negative": gaps < 0}),
    )
    starts = case_starts(timeline)
    backwards = np.zeros(case.size, np.int64)
    backwards[1:][inside] = gaps < 0
    first = timeline[starts]
    kinds = codes_of(timeline["case_event_type"]) == CASE_EVENT_TYPES.index("CHARGEBACK_INITIATED")
    if case.size:
        events = np.diff(starts, append=case.size)
        spans = np.maximum.reduceat(at, starts) - np.minimum.reduceat(at, starts)
        charged = np.logical_or.reduceat(kinds, starts)
        backwards = np.add.reduceat(backwards, starts)
    else:
        events = spans = backwards = np.empty(0, np.int64)
        charged = np.empty(0, np.bool_)
    told = first.with_columns(
        n_events=pl.Series(events.astype(np.int32)),
        has_chargeback=pl.Series(charged),
        duration_s=pl.Series(_seconds(spans)),
        has_gap=pl.Series(events > 1),
        non_monotone=pl.Series(backwards > 0),
    )
    _count(evidence, CASE_SPANS, told)
    _count(evidence, CASE_COUNTS, told)


def _seconds(micros: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Microseconds to whole seconds, half to even, in integers."""
    whole, rest = np.divmod(micros, MICROS)
    up = (2 * rest > MICROS) | ((2 * rest == MICROS) & (whole % 2 == 1))
    return np.where(up, whole + 1, whole)


def _measure_delays(evidence: Evidence, flows: pl.DataFrame, bank: pl.DataFrame, timeline: pl.DataFrame) -> None:
    closing = timeline.filter(pl.col("case_event_type") == "CASE_CLOSED").select("flow_id", "cell")
    known = bank.filter(pl.col("close_delay_s").is_not_null()).select("flow_id", "close_delay_s")
    closed = closing.join(known, on="flow_id", how="inner")
    samples = [("CASE_CLOSE_DELAY_V1", closed["cell"], closed["close_delay_s"])]
    for model, column in _DELAYS.items():
        drawn = bank[column].is_not_null()
        samples.append((model, flows["cell"].filter(drawn), bank[column].filter(drawn)))
    for model, cells, seconds in samples:
        code = np.full(cells.len(), DELAY_MODELS.index(model))
        ms = (seconds * 1000.0).round().cast(pl.Int64)
        _count(evidence, DELAYS, pl.DataFrame({"cell": cells, "model": dictionary(code, DELAY_MODELS), "ms": ms}))
