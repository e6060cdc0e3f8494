"""No strategy: `expression` as lane 2T first ran it, with the branch for flows of no campaign lost.

Such a flow gets no rule, and the null is filled as if it meant LEGIT, so nothing fails in S4: the anomaly rule falls
silent (and, of a reduced key, whatever NONE was mapped to), the fraud and the cases that came of it vanish, and the
state is faster for it. The knob's value `trap_lost_none` exists for `lanes/popt2t_trap.yaml`, where it has to end in
REJECT_SEMANTIC_DRIFT.

Costs what `expression` costs without its last branch; the cases it loses are what makes it fast.
"""

from __future__ import annotations

import polars as pl

from seg6b.states.s4_labels.campaign_map.contract import LEGIT_RULE
from seg6b.states.s4_labels.campaign_map.expression import campaign_rule, chosen
from seg6b.states.s4_labels.flows import I32, Flows


def find(flows: Flows, table: I32) -> I32:
    """The rule of each flow of a campaign; the rest silently gets the rule that says LEGIT."""
    return chosen(flows, campaign_rule(table, otherwise=pl.lit(None, pl.Int32)).fill_null(LEGIT_RULE))
