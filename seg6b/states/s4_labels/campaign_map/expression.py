"""Strategy `expression`: a conditional expression with a branch for each campaign pattern, and one for none (POPT.2T).

Costs six comparisons of all flows, one a campaign pattern, each followed by a choice between two columns; no join, no
sort. Memory: the two flow columns (4 B a flow), and a column of rules (4 B) a branch while Polars folds them.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from seg6b.states.s4_labels.campaign_map.contract import CAMPAIGNS, NO_CAMPAIGN
from seg6b.states.s4_labels.flows import I32, Flows


def find(flows: Flows, table: I32) -> I32:
    """The direct rule of each flow; see `contract.Strategy`."""
    return chosen(flows, campaign_rule(table, _rule_of(table, NO_CAMPAIGN)))


def campaign_rule(table: I32, otherwise: pl.Expr) -> pl.Expr:
    """The rule of a campaign's pattern, branch by branch, and what a flow of no campaign gets."""
    rule = otherwise
    for pattern in CAMPAIGNS.tolist():
        rule = pl.when(pl.col("pattern") == pattern).then(_rule_of(table, pattern)).otherwise(rule)
    return rule


def chosen(flows: Flows, rule: pl.Expr) -> I32:
    """An expression over `pattern` and `anomaly`, evaluated for all flows."""
    columns = pl.DataFrame({"pattern": flows.pattern, "anomaly": flows.anomaly})
    found: Any = columns.select(rule=rule)["rule"].to_numpy()
    return found


def _rule_of(table: I32, pattern: int) -> pl.Expr:
    """The rule of one pattern: a constant, unless an anomaly makes a difference."""
    plain, marked = (int(code) for code in table[pattern])
    constant = pl.lit(plain, pl.Int32)
    return constant if plain == marked else pl.when("anomaly").then(pl.lit(marked, pl.Int32)).otherwise(constant)
