"""Which truth rules hold for which flows: every combination of pattern, anomaly and campaign, enumerated.

Reads the tiers of a truth pack and nothing else of it, so that the pack's own refusal at load is checked by other code.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product
from typing import Protocol

import polars as pl

from seg6b.datasets import vocabulary as v


class DirectRule(Protocol):
    """What a collision check must know of a direct rule."""

    @property
    def rule_id(self) -> str:
        """Its name."""
        ...

    @property
    def pattern(self) -> str:
        """The pattern it asks for."""
        ...

    @property
    def anomaly(self) -> bool | None:
        """The anomaly flag it asks for; None for either."""
        ...


class TruthModel(Protocol):
    """A truth pack as tiers of direct rules: the first tier with a match decides."""

    @property
    def kind(self) -> str:
        """`reduced_key` looks at the pattern alone."""
        ...

    @property
    def tiers(self) -> Sequence[Sequence[DirectRule]]:
        """Direct rules by precedence."""
        ...


Key = tuple[str, bool, bool]
KEYS: tuple[Key, ...] = tuple(product(v.PATTERNS, (False, True), (False, True)))
APART = ("COLLATERAL_SAME_ACCOUNT_WINDOW", "POSTURE_MULE_OVERRIDE")


def overlapping_pairs(model: TruthModel) -> list[tuple[str, str]]:
    """Pairs of rules of one tier that hold together for some combination of pattern, anomaly and campaign."""
    return [
        (one.rule_id, other.rule_id)
        for tier in model.tiers
        for one, other in combinations(tier, 2)
        if any(_holds(model, one, key) and _holds(model, other, key) for key in KEYS)
    ]


def matches(model: TruthModel, key: Key) -> list[str]:
    """Direct rules that hold for a key, in the first tier where any does."""
    for tier in model.tiers:
        found = [rule.rule_id for rule in tier if _holds(model, rule, key)]
        if found:
            return found
    return []


def colliding_rows(truth: pl.DataFrame, model: TruthModel) -> tuple[int, int, int]:
    """Rows that no rule holds for, that several hold for, and that record another rule than the one that holds.

    A collateral or posture rule may be recorded where the default rule holds, and only there.
    """
    default = model.tiers[-1][-1].rule_id if model.kind != "reduced_key" else ""
    unmatched = several = contradicted = 0
    columns = ["fraud_pattern_type", "overlay_anomaly_any", "campaign", "truth_rule_id"]
    rows = truth.with_columns(pl.col("fraud_pattern_type", "truth_rule_id").cast(pl.String))
    for *key, recorded, n in rows.group_by(columns).agg(pl.col("n").sum()).iter_rows():
        found = matches(model, (key[0], key[1], key[2]))
        if not found:
            unmatched += n
        elif len(found) > 1:
            several += n
        elif recorded != found[0] and not (found[0] == default and recorded in APART):
            contradicted += n
    return unmatched, several, contradicted


def _holds(model: TruthModel, rule: DirectRule, key: Key) -> bool:
    pattern, anomaly, campaign = key
    if (pattern != v.NONE) != campaign:
        return False
    blind = model.kind == "reduced_key" or rule.anomaly is None
    return rule.pattern == pattern and (blind or rule.anomaly == anomaly)
