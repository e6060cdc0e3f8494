"""`project_sweep`: a closed sweep, shown to MLflow as a parent run with one nested child an arm."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from seg6b.runs.disk import to_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.sweep import CONTROL, Arm, Sweep
from seg6b.scoring.closure import ArmScore, Closure, Decision
from seg6b.tracking.mlflow_run import born, end, log, millis
from seg6b.tracking.project import nested, project_folder
from seg6b.tracking.projection import Projection, knob_params
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import experiment_id, open_store


def project_sweep(
    sweep: Sweep,
    closure: Closure,
    runs: Mapping[str, RunFolder],
    settings: MLflowSettings,
    artifacts: Sequence[Path] = (),
) -> str:
    """Log a closed sweep to the experiment named after its lane; done again, it brings the same runs up to date.

    Args:
        sweep: what was run.
        closure: what was decided.
        runs: the run that stands for each arm, see `arm_runs`; an arm without one gets a child without receipts.
        settings: where to.
        artifacts: closure files, copied to the parent.

    Returns:
        MLflow's id of the parent; empty where tracking is switched off.

    Raises:
        Damaged: a receipt of an arm's run cannot be read.
        ResourceRefused: the store cannot be used; nothing that the decision rests on is affected.
    """
    if not settings.enabled:
        return ""
    parent = project_parent(settings, sweep.lane, sweep.sweep_id, sweep.created_utc, _parent_tags(sweep, closure))
    scores = {score.arm: score for score in closure.arms}
    for arm in sweep.arms:
        shown = _arm_shown(sweep, closure, arm, scores.get(arm.name))
        if arm.name in runs:
            project_folder(runs[arm.name], settings, parent, also=shown)
        else:
            _bare_child(sweep, closure, arm, settings, nested(parent) | shown)
    with open_store(settings) as client:
        for path in artifacts:
            client.log_artifact(parent, str(path))
    close_parent(settings, parent, failed=False, ended_utc=_ended(sweep, closure))
    return parent


def arm_runs(root: Path, sweep: Sweep, closure: Closure) -> dict[str, RunFolder]:
    """The run that stands for each arm: the scored one, else its first timed run; arms without one are left out."""
    timed = sorted((f for f in closure.runs if f.round_index), key=lambda f: (f.set_index, f.round_index))
    chosen = {f.arm: f.run_id for f in reversed(timed)} | {s.arm: s.run_id for s in closure.arms if s.run_id}
    folders = {arm.name: RunFolder.of(root, chosen[arm.name]) for arm in sweep.arms if arm.name in chosen}
    return {name: run for name, run in folders.items() if run.exists()}


def closure_mark(closure: Closure) -> str:
    """What tells two closures of one sweep apart; the parent carries it as tag `closure`."""
    return hashlib.sha256(to_json(closure).encode()).hexdigest()[:16]


def project_parent(
    settings: MLflowSettings, experiment: str, sweep_id: str, started_utc: str, tags: Mapping[str, str]
) -> str:
    """MLflow id of a sweep's parent run, created where it does not exist yet; found again by its sweep id.

    Raises:
        ResourceRefused: the store cannot be used.
    """
    if not settings.enabled:
        return ""
    with open_store(settings) as client:
        where = experiment_id(client, settings, experiment)
        run_id = born(client, settings, where, millis(started_utc), ("seg6b.sweep_id", sweep_id))
        end(client, run_id, "RUNNING", 0)
        named = {"mlflow.runName": f"{experiment} sweep {sweep_id[:8]}", "lane": experiment, "role": "sweep"}
        log(client, run_id, Projection(tags={**named, **tags}), 0)
    return run_id


def close_parent(settings: MLflowSettings, parent_id: str, *, failed: bool, ended_utc: str) -> None:
    """End a sweep's parent run."""
    if settings.enabled and parent_id:
        with open_store(settings) as client:
            end(client, parent_id, "FAILED" if failed else "FINISHED", millis(ended_utc))


def _parent_tags(sweep: Sweep, closure: Closure) -> dict[str, str]:
    return {
        "kind": sweep.kind,
        "owner": sweep.owner,
        "authority": sweep.authority,
        "decision": closure.decision,
        "best": closure.best,
        "marker": closure.marker,
        "reason": "; ".join(closure.reasons),
        "overridden": "; ".join(closure.overrides),
        "closure": closure_mark(closure),
        "mlflow.source.name": "seg6b.lane",
        "mlflow.note.content": _note(closure),
    }


def _note(closure: Closure) -> str:
    """The closure as the parent's description."""
    head = f"**{closure.decision}** {closure.best}".rstrip() + ": " + "; ".join(map(_plain, closure.reasons))
    lines = [f"| arm | overrides | decision | {_state(closure)} against control | pairs |", "|---|---|---|---|---|"]
    for score in closure.arms:
        ratio = score.ratio
        told = f"{ratio.mean:.3f} [{ratio.ci95[0]:.3f}, {ratio.ci95[1]:.3f}] | {ratio.n}" if ratio else "| 0"
        lines.append(f"| {score.arm} | {_plain(' '.join(score.overrides))} | {score.decision} | {told} |")
    return f"{head}\n\n" + "\n".join(lines)


def _plain(text: str) -> str:
    """Text without what Markdown reads as a table, a tag or code."""
    return text.replace("|", "/").replace("<", "&lt;").replace("`", "'")


def _arm_shown(sweep: Sweep, closure: Closure, arm: Arm, score: ArmScore | None) -> Projection:
    """What the sweep adds to an arm's run: ratios against the control, how often it ran, what was decided."""
    state = _state(closure)
    seconds = [f.elapsed_s[state] for f in closure.runs if f.arm == arm.name and f.round_index and state in f.executed]
    metrics = {"repeats": float(len(seconds))}
    if seconds:
        metrics[f"elapsed_median_s.{state}"] = median(seconds)
    if score is not None and score.ratio is not None:
        against = "authority" if sweep.authority else CONTROL
        low, high = score.ratio.ci95
        metrics |= {f"ratio_vs_{against}.{state}": score.ratio.mean}
        metrics |= {f"ratio_lo.{state}": low, f"ratio_hi.{state}": high}
    tags = {"arm": arm.name, "owner": sweep.owner, "overrides": " ".join(arm.overrides)}
    told = () if arm.name == CONTROL else arm.overrides
    tags["mlflow.runName"] = " ".join((arm.name, *told))[:120]
    if score is not None:
        tags |= {"decision": score.decision, "reason": "; ".join(score.reasons)}
    return Projection(metrics=metrics, tags=tags)


def _state(closure: Closure) -> str:
    """The state whose time decides."""
    return str(closure.targets.get("state") or closure.owner)


def _bare_child(sweep: Sweep, closure: Closure, arm: Arm, settings: MLflowSettings, shown: Projection) -> None:
    """The child of an arm that no run stands for: it is inert, or none of its runs ended."""
    inert = bool(arm.inert) or shown.tags.get("decision") == Decision.INERT
    tags = {"lane": sweep.lane, "role": CONTROL if arm.name == CONTROL else "candidate"}
    knobs = Projection(dict(knob_params(arm.knobs, {})), tags=tags)
    with open_store(settings) as client:
        where = experiment_id(client, settings, sweep.lane)
        identity = ("seg6b.arm", f"{sweep.sweep_id} {arm.name}")
        run_id = born(client, settings, where, millis(sweep.created_utc), identity)
        at = millis(_ended(sweep, closure))
        log(client, run_id, knobs | shown, at)
        end(client, run_id, "FINISHED" if inert else "FAILED", at)


def _ended(sweep: Sweep, closure: Closure) -> str:
    return closure.generated_utc or sweep.created_utc
