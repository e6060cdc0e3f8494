"""What the bank says of each flow, and where truth comes from (S4)."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from seg6b.render.data import BoardData
from seg6b.render.plots.counts import counts, log_edges, log_shares, steps
from seg6b.render.plots.shape import (
    AMOUNT_TICKS,
    COLOURS,
    Figure,
    Plot,
    axis,
    bar_fill,
    figure,
    log_axis,
    share_axis,
    stair,
    text,
)
from seg6b.render.wording import compact, number, percent

NO_CASE: Final = "NO_CASE_OPENED"
_TRUTH_COLOURS: Final = {"FRAUD": COLOURS[3], "ABUSE": COLOURS[1]}
_OUTCOMES: Final = (
    ("BANK_CONFIRMED_FRAUD", COLOURS[3]),
    ("CHARGEBACK_WRITTEN_OFF", COLOURS[1]),
    ("CUSTOMER_DISPUTE_REJECTED", COLOURS[4]),
    ("BANK_CONFIRMED_LEGIT", COLOURS[2]),
)


def bank_by_class(data: BoardData) -> Plot:
    """Bank outcome by merchant class: shares of the class's flows, stacked."""
    frame = counts(data, "S4", "bank", ("merchant_class", "bank_label", "is_fraud_bank_view"))
    totals = frame.group_by("merchant_class").agg(pl.col("n").sum().alias("all"))
    fraud = frame.filter("is_fraud_bank_view").group_by("merchant_class").agg(pl.col("n").sum().alias("fraud"))
    table = totals.join(fraud, on="merchant_class", how="left").fill_null(0)
    table = table.with_columns(rate=pl.col("fraud") / pl.col("all")).sort("rate", "merchant_class")
    classes = table["merchant_class"].to_list()
    by_label = {
        (c, label): n
        for c, label, n in frame.group_by("merchant_class", "bank_label").agg(pl.col("n").sum()).iter_rows()
    }
    labels = [
        *_OUTCOMES,
        *((x, COLOURS[5]) for x in sorted({k[1] for k in by_label} - {NO_CASE} - dict(_OUTCOMES).keys())),
    ]
    size = dict(zip(classes, table["all"].to_list(), strict=True))
    traces: list[Figure] = []
    for k, (label, colour) in enumerate(labels):
        share = [by_label.get((c, label), 0) / size[c] for c in classes]
        bar = bar_fill(colour, k)
        hover = f"%{{y}}<br>{text(label)}: %{{x:.3%}}<extra></extra>"
        traces.append(_bar([text(c) for c in classes], share, text(_spoken(label)), bar, hover))
    no_case = sum(by_label.get((c, NO_CASE), 0) for c in classes) / sum(size.values())
    worst, best = table.row(-1, named=True), table.row(0, named=True)
    caption = (
        f"Share of each class's flows; the rest of each bar up to 100 % is NO CASE OPENED ({percent(no_case)} of all). "
        f"Bank-view fraud runs from {percent(best['rate'])} ({best['merchant_class']}) "
        f"to {percent(worst['rate'])} ({worst['merchant_class']})."
    )
    drawn = figure(
        traces,
        height=90 + 34 * len(classes),
        x=axis("share of flows", tickformat=".1%", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        barmode="stack",
        bargap=0.3,
    )
    return Plot("bank-by-class", "Bank outcome by merchant class", caption, drawn, "full")


def _bar(y: list[str], x: list[float], name: str, marker: Figure, hover: str) -> Figure:
    shares = [round(v, 7) for v in x]
    return {
        "type": "bar",
        "orientation": "h",
        "y": y,
        "x": shares,
        "name": name,
        "marker": marker,
        "hovertemplate": hover,
    }


def _spoken(label: str) -> str:
    return label.replace("_", " ").lower().replace("bank ", "").replace("customer ", "")


def truth_sources(data: BoardData) -> Plot:
    """Which rule made which non-LEGIT flow."""
    frame = counts(data, "S4", "truth", ("truth_rule_id", "fraud_label"))
    total = int(frame["n"].sum())
    tainted = frame.filter(pl.col("fraud_label") != "LEGIT")
    order = (
        tainted.group_by("truth_rule_id").agg(pl.col("n").sum()).sort("n", "truth_rule_id")["truth_rule_id"].to_list()
    )
    traces: list[Figure] = []
    for k, label in enumerate(sorted(set(tainted["fraud_label"].to_list()), reverse=True)):
        of = dict(tainted.filter(pl.col("fraud_label") == label).select("truth_rule_id", "n").iter_rows())
        bar = bar_fill(_TRUTH_COLOURS.get(label, COLOURS[5]), k)
        hover = f"%{{y}}<br>{text(label)}: %{{x:.3%}} of flows<extra></extra>"
        names = [text(_rule(r)) for r in order]
        traces.append(_bar(names, [of.get(r, 0) / total for r in order], text(label), bar, hover))
    caption = (
        f"{percent(int(tainted['n'].sum()) / total)} of {compact(total)} flows are not LEGIT. "
        "Each bar is one rule's share of all flows; the default rule makes the rest."
    )
    drawn = figure(
        traces,
        height=90 + 30 * max(len(order), 1),
        x=axis("share of flows", tickformat=".2%", rangemode="tozero"),
        y=axis(type="category", showgrid=False),
        barmode="stack",
        bargap=0.3,
        showlegend=True,
    )
    return Plot("truth-sources", "Where fraud truth comes from", caption, drawn)


def _rule(rule: str) -> str:
    return rule.removeprefix("RULE_").replace("_", " ").lower()


def amounts_by_bank_view(data: BoardData) -> Plot:
    """Amounts of flows the bank calls fraud against the others."""
    frame = counts(data, "S4", "bank_amounts", ("is_fraud_bank_view", "amount_minor"))
    values = frame["amount_minor"].to_numpy().astype(np.float64) / 100.0
    edges = log_edges(max(float(values.min()), 0.01), max(float(values.max()), 0.02), 10)
    traces: list[Figure] = []
    for fraud, name, colour, dash in (
        (False, "not fraud", COLOURS[0], "solid"),
        (True, "bank-view fraud", COLOURS[3], "dot"),
    ):
        chosen = (frame["is_fraud_bank_view"] == fraud).to_numpy()
        if not chosen.any():
            continue
        x, y = steps(edges, log_shares(values[chosen], frame["n"].to_numpy()[chosen].astype(np.float64), edges))
        traces.append(stair(x, y, name, colour, dash))
    gate = data.board.gates.get("T6")
    said = f" Effect size within amount family (T6): {number(gate.value)}." if gate else ""
    drawn = figure(
        traces,
        height=320,
        x=log_axis("amount (minor units / 100)", AMOUNT_TICKS, edges[0], edges[-1]),
        y=share_axis("share of flows", traces),
    )
    caption = f"Each curve sums to 100 %: where the dotted one lies further right, fraud is dearer.{said}"
    return Plot("amounts-by-bank-view", "Amounts by bank view", caption, drawn)
