"""The verdict and the bundle: report, issue table, draw trace, index, and the flag where the verdict allows it.

None of them holds a time, a host path or a run id: equal worlds, policies and seeds give equal bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import polars as pl

from seg6b.datasets.parts import write_table
from seg6b.datasets.tables import CONTRACT_VERSION
from seg6b.policy.validation import Model
from seg6b.runs.axes import Axes
from seg6b.runs.disk import write_json
from seg6b.runs.flag import IndexItem, write_flag, write_index
from seg6b.states.s5_validate.check import Check, Result, Severity

REPORT: Final = "s5_validation_report_6B.json"
ISSUES: Final = "s5_issue_table_6B.parquet"
TRACE: Final = "rng_trace_6B.json"
ITEMS: Final = (
    IndexItem(REPORT, "VALIDATION_REPORT", "s5_validation_report_6B"),
    IndexItem(ISSUES, "ISSUE_TABLE", "s5_issue_table_6B"),
    IndexItem(TRACE, "RNG_TRACE", "rng_trace_6B"),
)
ISSUE_SCHEMA: Final = {
    "manifest_fingerprint": pl.String(),
    "check_id": pl.String(),
    "issue_id": pl.Int64(),
    "severity": pl.String(),
    "scope_type": pl.String(),
    "seed": pl.Int64(),
    "scenario_id": pl.String(),
    "flow_id": pl.Int64(),
    "case_id": pl.Int64(),
    "event_seq": pl.Int64(),
    "message": pl.String(),
    "metrics": pl.String(),
}


def bundle_folder(axes: Axes) -> str:
    """Relative folder of the bundle."""
    return f"data/layer3/6B/validation/manifest_fingerprint={axes.manifest_fingerprint}"


def verdict(checks: Sequence[Check], pack: Model) -> Result:
    """FAIL on any required failure, or on any warn failure where the pack says so; WARN above the allowed share."""
    required = [c for c in checks if c.severity is Severity.REQUIRED]
    warned = [c for c in checks if c.severity is Severity.WARN_ONLY]
    failing = sum(c.result is not Result.PASS for c in warned)
    if any(c.result is not Result.PASS for c in required) or (failing and pack.fail_on_any_warn_failure):
        return Result.FAIL
    return Result.WARN if failing > pack.warn_still_pass_max_fraction * len(warned) else Result.PASS


def seals(status: Result, pack: Model) -> bool:
    """Whether the flag may be written."""
    return status is Result.PASS or (status is Result.WARN and pack.seal_on == "PASS_OR_WARN")


def issue_table(checks: Sequence[Check], axes: Axes, limit: int) -> pl.DataFrame:
    """A row a finding, in the order of the checks, at most `limit`."""
    rows = [
        (
            axes.manifest_fingerprint,
            check.check_id,
            index,
            str(Result.FAIL if check.severity is Severity.REQUIRED else Result.WARN),
            "RUN" if finding.cell is None else "CELL",
            axes.seed,
            axes.scenario_id,
            None,
            None,
            None,
            f"{finding.law}: {finding.message}",
            json.dumps(
                ({} if finding.cell is None else {"cell": finding.cell}) | dict(finding.metrics), sort_keys=True
            ),
        )
        for check in checks
        for index, finding in enumerate(check.outcome.findings)
    ]
    return pl.DataFrame(rows[:limit], schema=ISSUE_SCHEMA, orient="row")


def write_bundle(
    folder: Path, axes: Axes, report: Mapping[str, Any], issues: pl.DataFrame, trace: Mapping[str, Any], *, seal: bool
) -> tuple[Path, ...]:
    """Write the bundle below `folder`; the paths written, relative to it."""
    place = folder / bundle_folder(axes)
    place.mkdir(parents=True, exist_ok=True)
    write_json(place / REPORT, report)
    write_table(issues, place / ISSUES)
    write_json(place / TRACE, {**_head(axes), **trace})
    written = [place / item.path for item in ITEMS] + [write_index(place, ITEMS, _head(axes))]
    if seal:
        written.append(write_flag(place))
    return tuple(path.relative_to(folder) for path in written)


def report_of(
    axes: Axes, status: Result, checks: Sequence[Check], upstream: Mapping[str, Any], settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The validation report."""
    return {
        **_head(axes),
        "seed": axes.seed,
        "scenario_id": axes.scenario_id,
        "overall_status": str(status),
        "upstream_segments": upstream,
        "segment_states": dict.fromkeys(("S0", "S1", "S2", "S3", "S4"), "PASS"),
        "settings": settings,
        "checks": [check.record() for check in checks],
    }


def _head(axes: Axes) -> dict[str, str]:
    return {
        "manifest_fingerprint": axes.manifest_fingerprint,
        "parameter_hash": axes.parameter_hash,
        "spec_version_6B": CONTRACT_VERSION,
    }
