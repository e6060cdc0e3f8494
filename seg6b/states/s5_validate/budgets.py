"""REQ_RNG_BUDGETS: every draw is registered, and each cell used as many as the policies imply.

A draw is a function of its keys, so there is no counter that could run back or overlap: the count is the evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import polars as pl

from seg6b.errors import Seg6bError
from seg6b.evidence.laws import Finding
from seg6b.evidence.tables import Evidence
from seg6b.policy.packs import Policies
from seg6b.policy.rng import Counted, Family, Model, Named
from seg6b.states.record import RowState
from seg6b.states.s5_validate.check import Outcome, found

GENERATOR: Final = "splitmix64-keyed: u = top 53 bits of mix64(entity hash xor decision key)"
KEYS: Final = ["cell", "family", "decision"]
OWN_DRAWS: Final = ("validation_audit", ("AUDIT_CELL", "ID_SLICE"))


def rng_budgets(draws: Callable[[], pl.DataFrame], evidence: Mapping[str, Evidence], pack: Model) -> Outcome:
    """The check; `draws` gives `draw_table`."""
    if isinstance(pack, Named):
        missing = [m for m in pack.modules if m != "S5" and m not in evidence]
        findings = [Finding("RNG", f"{m} left no evidence of its draws") for m in missing]
        return found(findings, {"modules": len(pack.modules) - len(missing)}, {"modules": list(pack.modules)})
    table = draws()
    findings = [*_unequal(table), *_unregistered(table, pack.families), *_never_drawn(table, pack.families)]
    metrics = {"emitted": int(table["emitted"].sum()), "implied": int(table["implied"].sum())}
    return found(findings, metrics, {"mismatches": 0, "families": _register(pack)})


def draw_table(
    states: Sequence[RowState], evidence: Mapping[str, Evidence], policy: Policies, own: Mapping[str, int]
) -> pl.DataFrame:
    """Emitted beside implied draws by module, cell, family and decision; `own` are those of S5 itself, by decision."""
    return pl.concat([*(_compared(s, evidence[s.name], policy) for s in states), _own(own)])


def rng_trace(draws: Callable[[], pl.DataFrame]) -> dict[str, Any]:
    """Draws of the run by module, family and decision: emitted, implied, and how many cells used any.

    There are no records where the evidence cannot give them; REQ_RNG_BUDGETS says why.
    """
    try:
        table = draws()
    except Seg6bError:
        table = pl.DataFrame(schema=_SCHEMA)
    totals = (
        table.group_by("module", "family", "decision")
        .agg(
            draws_total=pl.col("emitted").sum(),
            implied_total=pl.col("implied").sum(),
            cells=(pl.col("emitted") > 0).sum().cast(pl.Int64),
        )
        .sort("module", "family", "decision")
    )
    return {"generator": GENERATOR, "records": totals.to_dicts()}


def _compared(state: RowState, evidence: Evidence, policy: Policies) -> pl.DataFrame:
    """Emitted beside implied counts of one state."""
    emitted = _plain(evidence.table("draws")) if "draws" in evidence else _NONE
    implied = _plain(state.implied_draws(evidence, policy))
    both = emitted.rename({"n": "emitted"}).join(implied.rename({"n": "implied"}), on=KEYS, how="full", coalesce=True)
    filled = both.with_columns(pl.col("emitted", "implied").fill_null(0))
    return filled.with_columns(module=pl.lit(f"6B.{state.name}")).select(_COLUMNS)


def _plain(draws: pl.DataFrame) -> pl.DataFrame:
    typed = draws.select(
        pl.col("cell").cast(pl.UInt8), pl.col("family", "decision").cast(pl.String), pl.col("n").cast(pl.Int64)
    )
    return typed.group_by(KEYS).agg(pl.col("n").sum())


def _own(own: Mapping[str, int]) -> pl.DataFrame:
    """S5's own draws: of no cell, implied by the audit itself."""
    rows = [("6B.S5", 0, OWN_DRAWS[0], decision, n, n) for decision, n in sorted(own.items())]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def _unequal(table: pl.DataFrame) -> Iterator[Finding]:
    for row in table.filter(pl.col("emitted") != pl.col("implied")).sort(_COLUMNS).to_dicts():
        place = f"{row['module']} {row['family']}.{row['decision']}"
        counts = {"emitted": row["emitted"], "implied": row["implied"]}
        yield Finding("RNG", f"{place} drew another number than implied", row["cell"], counts)


def _unregistered(table: pl.DataFrame, families: Mapping[str, Family]) -> Iterator[Finding]:
    used = table.group_by("module", "family", "decision").agg(pl.col("emitted").sum())
    for module, family, decision, n in used.sort("module", "family", "decision").rows():
        entry = families.get(family)
        if entry is None or decision not in entry.decisions:
            yield Finding("RNG", f"{module} {family}.{decision} is not registered", None, {"emitted": n})
        elif module != f"6B.{entry.module}":
            yield Finding("RNG", f"{family} is registered for {entry.module}, drawn by {module}", None, {"emitted": n})


def _never_drawn(table: pl.DataFrame, families: Mapping[str, Family]) -> Iterator[Finding]:
    drawn = set(table.filter(pl.col("emitted") > 0).select("family", "decision").unique().rows())
    for name, family in families.items():
        for decision, entry in family.decisions.items():
            if entry.always and (name, decision) not in drawn:
                yield Finding("RNG", f"{name}.{decision} must always be drawn and never was")


def _register(pack: Counted) -> dict[str, Any]:
    return {name: family.model_dump(mode="json") for name, family in sorted(pack.families.items())}


_SCHEMA: Final = {
    "module": pl.String, "cell": pl.UInt8, "family": pl.String, "decision": pl.String, "emitted": pl.Int64,
    "implied": pl.Int64,
}  # fmt: skip
_COLUMNS: Final = list(_SCHEMA)
_NONE: Final = pl.DataFrame(schema={"cell": pl.UInt8, "family": pl.String, "decision": pl.String, "n": pl.Int64})
