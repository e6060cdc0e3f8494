"""What every strategy is given, what it gives back, and how a flow without a rule is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from seg6b.datasets.vocabulary import NONE, PATTERNS, TRUTH_RULES
from seg6b.draws.compiled import read_only
from seg6b.errors import ContractBroken
from seg6b.policy.truth import Ordered, ReducedKey, matching_rules
from seg6b.states.s4_labels.flows import I32, Flows

NO_CAMPAIGN: Final = PATTERNS.index(NONE)
CAMPAIGNS: Final = np.flatnonzero(np.arange(len(PATTERNS)) != NO_CAMPAIGN).astype(np.int32)
LEGIT_RULE: Final = TRUTH_RULES.index("RULE_NONE_NO_OVERLAY")

Strategy = Callable[[Flows, I32], I32]
"""Flows and the table of `direct_rules` to the code of each flow's direct rule, shape (n,), -1 where none holds."""


def direct_rules(policy: Ordered | ReducedKey) -> I32:
    """Code of the direct rule by pattern and anomaly, shape (patterns, 2), -1 where none holds.

    Under a reduced key the last rule of a pattern wins, and an unmapped pattern is LEGIT.
    """
    unmapped = -1 if isinstance(policy, Ordered) else LEGIT_RULE
    table = np.full((len(PATTERNS), 2), unmapped, np.int32)
    for at, pattern in enumerate(PATTERNS):
        for anomaly in (False, True):
            found = matching_rules(policy, pattern, anomaly=anomaly)
            if found:
                table[at, int(anomaly)] = TRUTH_RULES.index(found[-1])
    return table


def find_rules(strategy: Strategy, flows: Flows, table: I32) -> I32:
    """Code of the direct rule of each flow, whatever the strategy.

    Raises:
        ContractBroken: `E_S4_FLOW_WITHOUT_LABEL` where no rule holds for a flow.
    """
    rules = strategy(flows, table)
    bare = np.flatnonzero(rules < 0)
    if bare.size:
        first = bare[0]
        raise ContractBroken(
            "E_S4_FLOW_WITHOUT_LABEL",
            "no truth rule holds for a flow",
            f"flow_id {flows.flow_id[first]}",
            f"pattern {PATTERNS[flows.pattern[first]]}, anomaly {bool(flows.anomaly[first])}",
            "exactly one direct rule a flow",
            "Complete the truth pack.",
        )
    return read_only(rules)
