"""The runtime baseline as the build plan's seven files: elapsed times, lock, hotspot map, parts, budgets, summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from seg6b.render.baseline_text import hotspot_markdown, lock_markdown
from seg6b.render.closure_files import lane_slug
from seg6b.render.elapsed_csv import elapsed_csv
from seg6b.runs.disk import to_json, write_text
from seg6b.runs.folder import checked_run_id
from seg6b.scoring.baseline import RuntimeBaseline
from seg6b.scoring.closure_json import SEGMENT, phase_of
from seg6b.scoring.facts import checks_pass
from seg6b.scoring.state_csv import run_rows

NAMES: Final = (
    ("state_elapsed", "csv"),
    ("baseline_lock", "md"),
    ("hotspot_map", "json"),
    ("hotspot_map", "md"),
    ("part_shape", "json"),
    ("budget_pin", "json"),
    ("baseline", "json"),
)


def write_baseline(baseline: RuntimeBaseline, folder: Path, history: Sequence[str] = ()) -> list[Path]:
    """Write the seven files; each appears whole or not at all, the summary last. Equal runs give equal bytes.

    Args:
        baseline: the authority, taken apart.
        folder: `reports/`.
        history: what the build plan measured for this lane.

    Returns:
        Their paths, in the order of `NAMES`.
    """
    texts = (
        elapsed_csv(run_rows(baseline.facts)),
        lock_markdown(baseline, history),
        to_json(_head(baseline) | asdict(baseline.hotspots)),
        hotspot_markdown(baseline),
        to_json(_head(baseline) | asdict(baseline.parts)),
        to_json(_head(baseline) | asdict(baseline.budgets)),
        to_json(_summary(baseline)),
    )
    paths = [folder / baseline_name(baseline, name, end) for name, end in NAMES]
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
    return paths


def baseline_name(baseline: RuntimeBaseline, name: str, extension: str) -> str:
    """`segment6b_<lane>_<name>_<run>.<extension>`."""
    return f"segment6b_{lane_slug(baseline.lane)}_{name}_{checked_run_id(baseline.receipt.run_id)}.{extension}"


def _head(baseline: RuntimeBaseline) -> dict[str, Any]:
    """What each JSON file begins with: which run it is of."""
    receipt = baseline.receipt
    return {
        "segment": SEGMENT,
        "phase": phase_of(baseline.lane),
        "lane": baseline.lane,
        "run_id": receipt.run_id,
        "receipt_digest": receipt.digest,
        "seed": receipt.seed,
        "scenario_id": receipt.scenario_id,
        "posture": receipt.posture,
        "manifest_fingerprint": receipt.manifest_fingerprint,
        "parameter_hash": receipt.parameter_hash,
        "testbed": baseline.facts.testbed,
        "generated_utc": receipt.ended_utc,
    }


def _summary(baseline: RuntimeBaseline) -> dict[str, Any]:
    facts, line = baseline.facts, baseline.budgets.candidate
    return _head(baseline) | {
        "decision": str(baseline.decision),
        "marker": baseline.marker,
        "reasons": list(baseline.reasons),
        "overrides": list(baseline.overrides),
        "world": baseline.receipt.world,
        "knobs": facts.knobs,
        "git_revision": baseline.receipt.git_revision,
        "overall_status": facts.overall_status,
        "verdict": facts.verdict,
        "required_check_results": facts.required,
        "required_checks_pass": checks_pass(facts),
        "warn_metrics": facts.warn_metrics,
        "content_digests": facts.digests,
        "executed": list(facts.executed),
        "state_elapsed_s": facts.elapsed_s,
        "hotspot_order": list(baseline.hotspots.order),
        "hotspot_shares": {s.state: s.share for s in baseline.hotspots.states},
        "dominant_lanes": {s.state: s.lanes[0].lane for s in baseline.hotspots.states if s.lanes},
        "residual_shares": {s.state: s.residual.share for s in baseline.hotspots.states if s.residual},
        "small_files": list(baseline.small_files),
        "budget_status": {b.name: b.status for b in baseline.budgets.states},
        "candidate": asdict(line) if line else None,
        "files": [baseline_name(baseline, name, end) for name, end in NAMES],
    }
