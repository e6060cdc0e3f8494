"""Scoring a sweep from files alone, and what its bench has to run next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seg6b.errors import Damaged, EvidenceMissing
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import REMEDIATION, SlotReceipt, SlotStatus, Sweep
from seg6b.runs.sweep_folder import SweepFolder
from seg6b.scoring.basis import Basis, save_basis
from seg6b.scoring.budgets import overdrawn
from seg6b.scoring.closing import close
from seg6b.scoring.closure import ArmScore, Closure, Decision, Drift, RunFacts
from seg6b.scoring.dossier import AUTHORITY, Dossier, judged_state, rounds_of, same_rows_due
from seg6b.scoring.drift import DriftNote, differing, find_drifts, save_drifts, saved_drifts
from seg6b.scoring.facts import run_facts, save_facts, saved_facts
from seg6b.scoring.runtime import planned_looks
from seg6b.scoring.witnessed import saved_witness, under_witness


def score_sweep(
    root: Path, sweep: Sweep, slots: Sequence[SlotReceipt], budgets: Mapping[str, Any], overrides: Sequence[str] = ()
) -> Closure:
    """The closure of a sweep as far as it has run; equal files give an equal closure.

    Args:
        root: project root.
        sweep: what was to be run.
        slots: what became of it.
        budgets: runtime budgets, as plain data.
        overrides: overrides of the phase law that the lane ran under.

    Raises:
        Damaged: the authority is not the run that the sweep was planned with, or a receipt cannot be read.
        EvidenceMissing: facts of a run are gone, or its times may not be compared.
    """
    folder = SweepFolder.of(root, sweep.sweep_id).path
    facts = {s.slot.name: _facts(root, folder, s) for s in slots if s.status == SlotStatus.DONE}

    def drifts(name: str, run: RunFacts, reference: RunFacts) -> tuple[Drift, ...]:
        if not differing(run, reference):
            return ()
        kept = saved_drifts(folder, name, reference.run_id)
        return find_drifts(root, run, reference) if kept is None else kept

    closure = close(Dossier(sweep, tuple(slots), facts, _baseline(root, folder, sweep), budgets, drifts), overrides)
    return under_witness(closure, saved_witness(folder)) if sweep.closure.get("witness") else closure


def note_basis(root: Path, sweep: Sweep, basis: Basis) -> None:
    """Keep what scoring needs beside the runs: the basis, and the facts of the authority."""
    folder = SweepFolder.of(root, sweep.sweep_id).path
    save_basis(folder, basis)
    base = _baseline(root, folder, sweep)
    if base is not None:
        save_facts(folder, AUTHORITY, base)


def note_run(
    root: Path, sweep: Sweep, slot: SlotReceipt, reference: RunFacts | None
) -> tuple[RunFacts, tuple[Drift, ...]]:
    """Keep what scoring needs of a run that has ended, while its data is there; what is kept already stands.

    Args:
        root: project root.
        sweep: its sweep.
        slot: its slot, done.
        reference: the control's first run; None where this is it.

    Returns:
        Its facts, and the datasets and columns in which it differs from the reference.
    """
    folder, name = SweepFolder.of(root, sweep.sweep_id).path, slot.slot.name
    facts = _facts(root, folder, slot)
    save_facts(folder, name, facts)
    if sweep.kind == REMEDIATION:
        return facts, ()
    base = _baseline(root, folder, sweep)
    if base is not None and same_rows_due(facts, base):
        _note_drifts(root, folder, name, facts, base)
    return facts, _note_drifts(root, folder, name, facts, reference) if reference else ()


def _note_drifts(root: Path, folder: Path, name: str, facts: RunFacts, reference: RunFacts) -> tuple[Drift, ...]:
    if not differing(facts, reference):
        return ()
    kept = saved_drifts(folder, name, reference.run_id)
    if kept is not None:
        return kept
    drifts = find_drifts(root, facts, reference)
    save_drifts(folder, name, DriftNote(facts.run_id, reference.run_id, drifts))
    return drifts


def next_rounds(sweep: Sweep, slots: Sequence[SlotReceipt], closure: Closure) -> dict[str, tuple[int, int]]:
    """What has to be run next: set and number of its rounds, by arm; empty when everything is settled.

    An arm that straddles goes on in set 1 to its next look; a provisional winner is run in set 2 as often as it took
    in set 1. Set 2 begins when nobody is left in set 1, so that all who are in it run beside the same control. Who
    drifted, failed or cannot bind is not run again. A policy variant that is held and overdraws its budget
    is run once more.
    """
    steps = {score.arm: _next(sweep, tuple(slots), score) for score in closure.arms}
    first = min((step[0] for step in steps.values() if step is not None), default=0)
    return {arm: step for arm, step in steps.items() if step is not None and step[0] == first}


def _next(sweep: Sweep, slots: tuple[SlotReceipt, ...], score: ArmScore) -> tuple[int, int] | None:
    first, second = (rounds_of(slots, score.arm, k) for k in (1, 2))
    if sweep.kind == REMEDIATION:
        return _variant_next(sweep, first, score)
    if score.failed_runs or score.decision not in {Decision.INSUFFICIENT, Decision.KEEP_PROVISIONAL}:
        return None
    looks = planned_looks(sweep.repeats, sweep.max_repeats)
    if score.decision == Decision.KEEP_PROVISIONAL:
        wanted = max(n for n in looks if n <= first)
        return (2, wanted) if sweep.confirm and second < wanted else None
    further = [n for n in looks if n > first]
    return (1, further[0]) if further and not second else None


def _variant_next(sweep: Sweep, rounds: int, score: ArmScore) -> tuple[int, int] | None:
    """A variant is run once, and once more where it overdraws its budget: see `judge_arm`."""
    if not rounds:
        return (1, 1) if score.decision != Decision.INERT else None
    red = overdrawn(score.budgets, judged_state(sweep))
    return (1, 2) if rounds == 1 and red and score.decision == Decision.HOLD else None


def _facts(root: Path, folder: Path, receipt: SlotReceipt) -> RunFacts:
    """What was kept of a slot's run, else what its folder says."""
    slot = receipt.slot
    kept = saved_facts(folder, slot.name)
    if kept is not None:
        return kept
    run = RunFolder.of(root, slot.run_id)
    if not run.exists():
        raise EvidenceMissing(
            "E_SCORE_FACTS", "neither the run nor its facts are there", str(run.path), "", slot.name,
            "Restore the run folder; or remove the folder of the sweep, and the same command begins it anew.",
        )  # fmt: skip
    return run_facts(run, slot.arm, slot.set_index, slot.round_index)


def _baseline(root: Path, folder: Path, sweep: Sweep) -> RunFacts | None:
    """Facts of the authority that the sweep was planned with, after its receipt was found unchanged if it is there."""
    if not sweep.authority:
        return None
    run = RunFolder.of(root, sweep.authority)
    if not run.exists():
        kept = saved_facts(folder, AUTHORITY)
        if kept is None:
            raise _damaged(run, "the run is gone", "", sweep.authority_digest)
        return kept
    digest = run.receipt().digest
    if digest != sweep.authority_digest:
        raise _damaged(
            run, "its receipt is not the one that the sweep was planned with", digest, sweep.authority_digest
        )
    return saved_facts(folder, AUTHORITY) or run_facts(run, AUTHORITY)


def _damaged(run: RunFolder, fault: str, found: str, expected: str) -> Damaged:
    return Damaged(
        "E_AUTHORITY_DAMAGED", f"the authority is damaged: {fault}", str(run.receipt_path), found[:16], expected[:16],
        'Restore it, or pin another: python -m seg6b pin RUN --role authority --replace --reason "…"',
    )  # fmt: skip
