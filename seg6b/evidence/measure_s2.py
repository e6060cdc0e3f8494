"""Evidence of S2: amounts, latency, offsets, types, sessions and checks, from published columns alone.

Flows and events must lie in the order in which S2 writes them: rows of a party adjacent, events after their flows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets.frames import codes_of, dictionary
from seg6b.datasets.tables import EVENTS, FLOWS, SESSION_ARRIVALS
from seg6b.datasets.vocabulary import (
    AMOUNT_BRANCHES,
    AMOUNT_FAMILIES,
    CHANNELS,
    CLASSES,
    EVENT_TYPES,
    FLOW_PLAN_RULES,
    FLOW_TYPES,
    OFFSET_MODELS,
    OUTCOMES,
)
from seg6b.evidence.behaviour import HABIT, measure_habit
from seg6b.evidence.flow_walk import CHECKS, NEVER, WORD, Walked, walk_flows
from seg6b.evidence.ledger import LEDGER, ledger_s2
from seg6b.evidence.row_arrays import I64, U8, tally, word_counts
from seg6b.evidence.session_walk import SIZE_CAP, Sessions, walk_sessions
from seg6b.evidence.tables import DRAWS, Evidence, Measure
from seg6b.shards.cells import CELLS, cell_of

TRACES: Final = 64

AMOUNTS: Final = Measure(
    "amounts",
    ("cell", "amount_family", "amount_branch", "amount_minor"),
    doc="flows by authorised amount, minor units",
)
LATENCY: Final = Measure(
    "latency",
    ("cell", "step_up", "latency_us"),
    doc="flows by time from first AUTH_REQUEST to first AUTH_RESPONSE; flows without the pair are left out",
)
FLOW_TYPES_SEEN: Final = Measure(
    "flow_types",
    ("cell", "channel_group", "flow_type_id", "baseline_outcome", "branch_trace", "merchant_class"),
    doc="flows",
)
OFFSETS: Final = Measure(
    "offsets",
    ("cell", "offset_model_id", "ms"),
    doc="events by drawn offset in milliseconds, above 4,096 floored to 12 significant bits (below 0.025 %)",
)
SESSION_FLOWS: Final = Measure(
    "session_flows", ("cell", "n_flows", "n_arrivals"), doc="sessions; both numbers are capped at 50"
)
CLUSTERS: Final = Measure(
    "session_clusters",
    ("cell", "arrivals"),
    doc="clusters of several arrivals of one session, merchant and channel; arrivals are capped at 50",
)
PLANS: Final = Measure("flow_plans", ("cell", "flow_plan_rule_id"), doc="flows by plan rule; CLAMPED met the guard")
EVENT_COUNTS: Final = Measure(
    "event_types", ("cell", "event_type"), ("n",), ("first_us",), ("last_us",), "events, first and last time"
)
PARTIES: Final = Measure("parties", ("cell",), doc="parties with a flow")
FLOW_SPANS: Final = Measure(
    "flow_spans", ("cell",), (), (), ("span_us", "n_events"), "longest flow, and most events of a flow"
)
FLOW_CHECKS: Final = Measure("flow_checks", ("cell", "check"), ("n", "bad"), doc="rows looked at, rows that break it")

MEASURES: Final[dict[str, Measure]] = {
    m.name: m
    for m in (
        AMOUNTS, LATENCY, FLOW_TYPES_SEEN, OFFSETS, SESSION_FLOWS, CLUSTERS, PLANS, EVENT_COUNTS, PARTIES, FLOW_SPANS,
        FLOW_CHECKS, HABIT, DRAWS,
    )
} | LEDGER  # fmt: skip


def measure_s2(frames: Mapping[str, pl.DataFrame]) -> Evidence:
    """Evidence found in published rows of whole parties.

    Args:
        frames: `s1_arrival_entities_6B` (party, session, merchant, channel), `s2_flow_anchor_baseline_6B` and
            `s2_event_stream_baseline_6B`.

    Returns:
        Every table of `MEASURES` except `draws`, which S2 alone can know.
    """
    arrivals, flows, events = (frames[d.name] for d in (SESSION_ARRIVALS, FLOWS, EVENTS))
    found = Evidence()
    party = flows["party_id"].to_numpy()
    cell = cell_of(party)
    walked = walk_flows(flows, events)
    _types(found, flows, cell)
    _amounts(found, flows.with_columns(cell=cell))
    measure_habit(found, flows, cell)
    _latencies(found, cell, walked)
    _offsets(found, walked)
    starts = np.concatenate([np.ones(min(1, party.size), np.bool_), party[1:] != party[:-1]])
    _by_cell(found, PARTIES, n=np.bincount(cell[starts], minlength=CELLS))
    _by_cell(found, FLOW_SPANS, span_us=walked.span[0], n_events=walked.span[1])
    _event_types(found, walked)
    _sessions(found, walk_sessions(arrivals, flows), walked)
    ledger_s2(found, frames)
    return found


def _types(found: Evidence, flows: pl.DataFrame, cell: U8) -> None:
    vocabularies = {
        "channel_group": CHANNELS, "flow_type_id": FLOW_TYPES, "baseline_outcome": OUTCOMES, "merchant_class": CLASSES
    }  # fmt: skip
    codes = {name: codes_of(flows[name]) for name in vocabularies}
    trace = flows["branch_trace"].to_numpy()
    plain = all(code.min(initial=0) >= 0 for code in codes.values()) and trace.min(initial=0) >= 0
    if not plain or trace.max(initial=0) >= TRACES:
        found.count(FLOW_TYPES_SEEN, flows.with_columns(cell=cell))
    else:
        sizes = [len(vocabulary) for vocabulary in vocabularies.values()]
        at, *digits, traces, n = tally([cell, *codes.values(), trace], [CELLS, *sizes, TRACES])
        columns = {
            name: dictionary(digit, vocabulary)
            for digit, (name, vocabulary) in zip(digits, vocabularies.items(), strict=True)
        }
        counted = pl.DataFrame(
            {"cell": at.astype(np.uint8), **columns, "branch_trace": traces.astype(np.int32), "n": n}
        )
        found.put(FLOW_TYPES_SEEN, counted)
    at, rule, n = tally([cell, codes_of(flows["flow_plan_rule_id"])], [CELLS, len(FLOW_PLAN_RULES)])
    counted = pl.DataFrame(
        {"cell": at.astype(np.uint8), "flow_plan_rule_id": dictionary(rule, FLOW_PLAN_RULES), "n": n}
    )
    found.put(PLANS, counted)


def _amounts(found: Evidence, flows: pl.DataFrame) -> None:
    """Counted as words, amount * 512 + cell * 8 + family * 2 + branch, where nothing is null."""
    rows = flows.select(AMOUNTS.keys)
    family, branch = codes_of(rows["amount_family"]), codes_of(rows["amount_branch"])
    if rows["amount_minor"].null_count() or min(family.min(initial=0), branch.min(initial=0)) < 0:
        found.count(AMOUNTS, rows)
        return
    code = rows["cell"].to_numpy().astype(np.int64) * 8 + family * 2 + branch
    words, n = word_counts(rows["amount_minor"].to_numpy() * 512 + code)
    code = words % 512
    found.put(
        AMOUNTS,
        pl.DataFrame(
            {
                "cell": (code // 8).astype(np.uint8),
                "amount_family": dictionary(code % 8 // 2, AMOUNT_FAMILIES),
                "amount_branch": dictionary(code % 2, AMOUNT_BRANCHES),
                "amount_minor": words // 512,
                "n": n,
            }
        ),
    )


def _latencies(found: Evidence, cell: U8, walked: Walked) -> None:
    held = walked.latency != NEVER
    code = cell[held].astype(np.int64) * 2 + walked.step_up[held]
    words, n = word_counts(walked.latency[held] * (2 * CELLS) + code)
    code = words % (2 * CELLS)
    found.put(
        LATENCY,
        pl.DataFrame(
            {
                "cell": (code // 2).astype(np.uint8),
                "step_up": code % 2 == 1,
                "latency_us": words // (2 * CELLS),
                "n": n,
            }
        ),
    )


def _offsets(found: Evidence, walked: Walked) -> None:
    words, n = word_counts(walked.offsets)
    code = words % WORD
    found.put(
        OFFSETS,
        pl.DataFrame(
            {
                "cell": (code // len(OFFSET_MODELS)).astype(np.uint8),
                "offset_model_id": dictionary(code % len(OFFSET_MODELS), OFFSET_MODELS),
                "ms": words // WORD,
                "n": n,
            }
        ),
    )


def _event_types(found: Evidence, walked: Walked) -> None:
    kinds, cells = np.nonzero(walked.kinds[0])
    found.put(
        EVENT_COUNTS,
        pl.DataFrame(
            {
                "cell": cells.astype(np.uint8),
                "event_type": dictionary(kinds, EVENT_TYPES),
                "n": walked.kinds[0, kinds, cells],
                "first_us": walked.kinds[1, kinds, cells],
                "last_us": walked.kinds[2, kinds, cells],
            }
        ),
    )


def _sessions(found: Evidence, sessions: Sessions, walked: Walked) -> None:
    cells, sizes = np.nonzero(sessions.clusters)
    found.put(
        CLUSTERS,
        pl.DataFrame({"cell": cells.astype(np.uint8), "arrivals": sizes, "n": sessions.clusters[cells, sizes]}),
    )
    made = sessions.n_flows > 0
    capped = [np.minimum(sizes[made], SIZE_CAP) for sizes in (sessions.n_flows, sessions.n_arrivals)]
    cell, n_flows, n_arrivals, n = tally([sessions.cell[made], *capped], [CELLS, SIZE_CAP + 1, SIZE_CAP + 1])
    found.put(
        SESSION_FLOWS,
        pl.DataFrame({"cell": cell.astype(np.uint8), "n_flows": n_flows, "n_arrivals": n_arrivals, "n": n}),
    )
    wrong = sessions.cell[sessions.arrivals != sessions.n_arrivals]
    once = CHECKS.index("arrivals_once")
    walked.seen[once] = np.bincount(sessions.cell, minlength=CELLS)
    walked.bad[once] = np.bincount(wrong, minlength=CELLS) + sessions.strangers
    rows, cells = np.nonzero(walked.seen + walked.bad)
    found.put(
        FLOW_CHECKS,
        pl.DataFrame(
            {
                "cell": cells.astype(np.uint8),
                "check": dictionary(rows, CHECKS),
                "n": walked.seen[rows, cells],
                "bad": walked.bad[rows, cells],
            }
        ),
    )


def _by_cell(found: Evidence, measure: Measure, **values: I64) -> None:
    """A row for each cell with a value above zero."""
    cells = np.flatnonzero(sum(values.values()))
    found.put(measure, pl.DataFrame({"cell": cells.astype(np.uint8)} | {k: v[cells] for k, v in values.items()}))
