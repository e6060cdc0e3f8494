"""The audit of a finished run, from its files alone: no world, no configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seg6b.draws.uniform import Draws
from seg6b.errors import Refusal
from seg6b.evidence.tables import Evidence
from seg6b.policy.packs import Policies, load_policies
from seg6b.runs.axes import Axes
from seg6b.runs.flag import FLAG, verify_bundle
from seg6b.runs.folder import RunFolder
from seg6b.runs.verify import Finding, state_receipts
from seg6b.shards.executor import Executor
from seg6b.states.context import Input
from seg6b.states.execute import input_of, read_state_evidence
from seg6b.states.pipeline import ROW_STATES
from seg6b.states.record import RowState
from seg6b.states.s5_validate.audit import evidence_audit
from seg6b.states.s5_validate.check import Result
from seg6b.states.s5_validate.report import seals
from seg6b.states.validate_task import validation_status


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """A finished run as the audit sees it."""

    policy: Policies
    draws: Draws
    states: Sequence[RowState]
    evidence: Mapping[str, Evidence]
    inputs: Mapping[str, Input]
    audit: str
    executor: Executor


def verify_flag(run: RunFolder) -> list[Finding]:
    """The S5 bundle against its index, and its flag against the report: there exactly where the pack's rule seals."""
    axes, receipt = _axes(run), run.receipt()
    folder = f"data/layer3/6B/validation/manifest_fingerprint={axes.manifest_fingerprint}"
    try:
        pack = load_policies(receipt.policy, str(run.receipt_path)).validation
        sealed = seals(Result(validation_status(run, axes).split()[0]), pack)
        flagged = (run.path / folder / FLAG).exists()
        if sealed != flagged:
            return [Finding(f"{folder}/{FLAG}", "flag and report disagree", str(flagged), str(sealed))]
        verify_bundle(run.path / folder, sealed=flagged)
    except Refusal as error:
        return [Finding(error.where.removeprefix(f"{run.path}/"), error.what, error.value, error.expected)]
    except (OSError, ValueError, KeyError) as error:
        return [Finding(folder, "the validation bundle cannot be read", f"{type(error).__name__}: {error}"[:120])]
    return []


def verify_audit(run: RunFolder, executor: Executor, audit: str) -> list[Finding]:
    """Evidence derived again from published Parquet, for the drawn cells or for all of them."""
    receipt = run.receipt()
    policy = load_policies(receipt.policy, str(run.receipt_path))
    if policy.parameter_hash != receipt.parameter_hash:
        return [Finding("run_receipt.json", "the packs do not have the recorded hash", policy.parameter_hash[:16],
                        receipt.parameter_hash[:16])]  # fmt: skip
    axes = _axes(run)
    datasets = {name: d for r in state_receipts(run).values() for name, d in r.datasets.items()}
    finished = FinishedRun(
        policy,
        Draws(axes.manifest_fingerprint, axes.seed, axes.scenario_id),
        ROW_STATES,
        {s.name: read_state_evidence(run, s) for s in ROW_STATES},
        {name: input_of(run, d) for name, d in datasets.items()},
        audit,
        executor,
    )
    return [Finding(f"evidence (cell {f.cell})", f.message) for f in evidence_audit(finished).findings]


def _axes(run: RunFolder) -> Axes:
    receipt = run.receipt()
    return Axes(receipt.manifest_fingerprint, receipt.parameter_hash, receipt.seed, receipt.scenario_id)
