"""The runtime baseline (POPT.0): what the authority's receipts say of its time, its parts and its budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from seg6b.runs.folder import RunFolder
from seg6b.runs.meter import split_of
from seg6b.runs.receipt import RunReceipt
from seg6b.runs.verify import state_receipts
from seg6b.scoring.budget_pin import BudgetPin, budget_pin
from seg6b.scoring.closure import Decision, RunFacts
from seg6b.scoring.facts import PASS, checks_pass, failed_checks, run_facts
from seg6b.scoring.hotspots import MOST_RESIDUAL, HotspotMap, hotspot_map
from seg6b.scoring.part_shape import PartShapes, part_shapes
from seg6b.scoring.realism import WARN
from seg6b.settings.job import Lane
from seg6b.settings.rules import OWNERS
from seg6b.shards.executor import workers_of

AUTHORITY: Final = "authority"


@dataclass(frozen=True, slots=True)
class RuntimeBaseline:
    """An authority, taken apart.

    Attributes:
        lane: lane id.
        decision: `KEEP` where it can stand as baseline, else `HOLD`.
        marker: of the closing rule; empty where the rule names none.
        reasons: why, in words; the first one leads.
        receipt: of the run.
        facts: of the run.
        hotspots: where its time goes.
        parts: shape of what it published.
        budgets: what it is held against.
        overrides: overrides of the phase law that stand for the lane.
    """

    lane: str
    decision: Decision
    marker: str
    reasons: tuple[str, ...]
    receipt: RunReceipt
    facts: RunFacts
    hotspots: HotspotMap
    parts: PartShapes
    budgets: BudgetPin
    overrides: tuple[str, ...] = ()

    @property
    def small_files(self) -> tuple[str, ...]:
        """Heavy datasets whose files are small."""
        return tuple(shape.dataset for shape in self.parts.heavy if shape.small_files)


def runtime_baseline(
    run: RunFolder, lane: Lane, budgets: Mapping[str, Any], overrides: Sequence[str] = ()
) -> RuntimeBaseline:
    """Take a finished run apart and decide whether it can stand as the runtime baseline; reads receipts alone.

    Args:
        run: the authority.
        lane: the lane that locks it, with its closing rule.
        budgets: `conf/budgets`, as plain data.
        overrides: overrides of the phase law that stand for the lane.

    Raises:
        EvidenceMissing: the run has not ended well.
        Damaged: a receipt, the board or the report of S5 cannot be read.
    """
    receipt, facts = run.receipt(), run_facts(run, arm=AUTHORITY)
    hotspots = hotspot_map(facts, threads_of(receipt))
    pin = budget_pin(facts, budgets, int(receipt.world["arrivals"]))
    faults = tuple(baseline_faults(facts))
    return RuntimeBaseline(
        lane=lane.id,
        decision=Decision.HOLD if faults else Decision.KEEP,
        marker=lane.closure.holds if faults else lane.closure.unlocks,
        reasons=(*(faults or (_closed(hotspots, pin),)), *_warned(facts, hotspots)),
        receipt=receipt,
        facts=facts,
        hotspots=hotspots,
        parts=part_shapes(state_receipts(run)),
        budgets=pin,
        overrides=tuple(overrides),
    )


def threads_of(receipt: RunReceipt) -> int:
    """Worker threads of a run: its knob, where that is 0 all cores of its machine."""
    return workers_of(int(receipt.knobs["executor.threads"]), int(receipt.machine["cores"]))


def baseline_faults(facts: RunFacts) -> Iterator[str]:
    """Why a run cannot be the runtime baseline; nothing where it can."""
    missing = [state for state in OWNERS if state not in facts.elapsed_s]
    if missing:
        yield f"no receipt of {', '.join(missing)}"
    linked = [state for state in OWNERS if state in facts.elapsed_s and state not in facts.executed]
    if linked:
        yield f"linked from another run, whose times they have: {', '.join(linked)}; a baseline executes every state"
    whole = [state for state in OWNERS if state in facts.executed and not split_of(facts.lanes_s.get(state, {}))]
    if whole:
        yield f"no decomposition into lanes and residual, which an earlier version did not write: {', '.join(whole)}"
    failed = failed_checks(facts)
    if not checks_pass(facts):
        yield f"required checks of S5 {'failed: ' + ', '.join(failed) if failed else 'left no report'}"
    elif facts.overall_status not in {PASS, WARN}:
        yield f"S5 is {facts.overall_status}"


def _warned(facts: RunFacts, hotspots: HotspotMap) -> Iterator[str]:
    over = [f"{s.state} {s.residual.share:.1%}" for s in hotspots.states if s.residual and s.unexplained]
    if over:
        yield f"more than {MOST_RESIDUAL:.0%} of the time lie in no lane: {', '.join(over)}"
    if facts.overall_status == WARN:
        yield "S5 is WARN: realism is out of a corridor, which P0 to P4 answer for"


def _closed(hotspots: HotspotMap, pin: BudgetPin) -> str:
    order = f"hotspots {', '.join(hotspots.order)}"
    line = pin.candidate
    if line is None:
        return f"{order}; no budget is stated for the candidate lane"
    gap = f"{line.gap_s:.2f} s over its target of {line.target_s:.2f} s" if line.gap_s else "within its target"
    floor = " (the floor of a small world)" if line.at_floor else ""
    return f"{order}; candidate lane {line.status}: {line.elapsed_s:.2f} s, {gap}{floor}"
