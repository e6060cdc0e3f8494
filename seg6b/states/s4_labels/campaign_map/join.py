"""Strategy `join`: a table of campaign patterns and their rules, joined to the flows with a default (before POPT.2T).

Costs one hash join of all flows with a table of six rows, order kept, and one choice by the anomaly flag; no sort.
Memory: the two flow columns and, joined to them, two rules (12 B a flow), then the rule that is chosen (4 B).
"""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from seg6b.states.s4_labels.campaign_map.contract import CAMPAIGNS, NO_CAMPAIGN
from seg6b.states.s4_labels.flows import I32, Flows

_RULES: Final = ("plain", "marked")


def find(flows: Flows, table: I32) -> I32:
    """The direct rule of each flow; see `contract.Strategy`."""
    keyed = pl.DataFrame({"pattern": flows.pattern, "anomaly": flows.anomaly})
    rules = pl.DataFrame(table[CAMPAIGNS], schema=_RULES).with_columns(pattern=pl.Series(CAMPAIGNS))
    joined = keyed.join(rules, on="pattern", how="left", maintain_order="left")
    plain, marked = (pl.col(name).fill_null(int(code)) for name, code in zip(_RULES, table[NO_CAMPAIGN], strict=True))
    found: Any = joined.select(rule=pl.when("anomaly").then(marked).otherwise(plain))["rule"].to_numpy()
    return found
