"""A certification as the build plan's four artifacts: summary, seed comparison, regression report, gate decision."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any, Final

from seg6b.gates.result import Status
from seg6b.render.markdown import cell, table
from seg6b.render.wording import ABSENT, number, seconds
from seg6b.runs.disk import write_json, write_text
from seg6b.scoring.certification import Certification, Grade, over_target

MEANING: Final = {
    Grade.PASS_BPLUS_ROBUST: "Every gate at B+ on every seed, little scatter across seeds, budgets kept.",
    Grade.PASS_B: "Every hard gate at B on every seed, budgets kept; not everything at B+.",
    Grade.HOLD_REMEDIATE: "Not certified.",
}
NAMES: Final = ("validation_summary", "seed_comparison", "regression_report", "gate_decision")


def write_certification(certified: Certification, folder: Path) -> list[Path]:
    """Write the four files; each appears whole or not at all. Returns their paths, in the order of `NAMES`."""
    folder.mkdir(parents=True, exist_ok=True)
    stamp = stamp_of(certified)
    ends = dict(zip(NAMES, ("json", "csv", "md", "json"), strict=True))
    paths = [folder / f"segment6b_p5_{name}_{stamp}.{end}" for name, end in ends.items()]
    write_json(paths[0], certified)
    write_text(paths[1], seed_comparison(certified))
    write_text(paths[2], regression_report(certified))
    write_json(paths[3], gate_decision(certified))
    return paths


def stamp_of(certified: Certification) -> str:
    """When its last run ended, as part of a file name; its id where nothing ran.

    >>> from types import SimpleNamespace as N
    >>> stamp_of(N(generated_utc="2026-11-25T08:24:57.123456Z", certification_id="0f" * 16))
    '20261125T082457Z'
    """
    digits = re.sub(r"\D", "", certified.generated_utc)
    return f"{digits[:8]}T{digits[8:14]}Z" if len(digits) >= 14 else certified.certification_id


def seed_comparison(certified: Certification) -> str:
    """A line a gate: value on every seed, statuses, variation across seeds."""
    seeds = [str(seed) for seed in certified.seeds]
    head = ["gate", *(f"value_{s}" for s in seeds), *(f"b_{s}" for s in seeds), *(f"bplus_{s}" for s in seeds), "cv"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    for gate, values in certified.values.items():
        levels = [certified.passes[level][gate].get(s, "") for level in ("b", "bplus") for s in seeds]
        writer.writerow([gate, *(values.get(s, "") for s in seeds), *levels, certified.cv.get(gate, "")])
    for name in (n for n in certified.cv if n not in certified.values):
        writer.writerow([name, *[""] * (3 * len(seeds)), certified.cv[name]])
    return out.getvalue()


def gate_decision(certified: Certification) -> dict[str, Any]:
    """The grade and what it rests on, short enough to be read by another program."""
    return {
        "segment": "6B",
        "phase": "P5",
        "grade": str(certified.grade),
        "reasons": list(certified.reasons),
        "blockers": list(certified.blockers),
        "seeds": list(certified.seeds),
        "runs": certified.runs,
        "verdicts": certified.verdicts,
        "cv_max": max(certified.cv.values(), default=None),
        "cv_limits": certified.cv_limits,
        "budgets": {b.name: b.status for b in certified.budgets},
        "parameter_hash": certified.parameter_hash,
        "manifest_fingerprint": certified.manifest_fingerprint,
        "gate_file": {"version": certified.gate_file[0], "digest": certified.gate_file[1]},
        "certification_id": certified.certification_id,
        "robust": certified.robust,
        "generated_utc": certified.generated_utc,
    }


def regression_report(certified: Certification) -> str:
    """What a reviewer reads: grade and reasons, gates by seed, scatter, statistics, budgets."""
    parts = [
        f"# Segment 6B certification: {certified.grade}",
        MEANING[certified.grade],
        "\n".join(f"- {cell(reason)}" for reason in certified.reasons),
        _place(certified),
        "## Gates by seed",
        _gates(certified),
        "## Scatter across seeds",
        f"Largest allowed: {certified.cv_limits['b']:g} at B, {certified.cv_limits['bplus']:g} at B+.",
        table(["Metric", "Variation"], [[n, number(v)] for n, v in sorted(certified.cv.items(), key=lambda x: -x[1])]),
        "## Statistics layer at B+",
        _statistics(certified),
        "## Budgets",
        _budgets(certified),
        "\n".join(f"- {cell(said)}" for said in over_target(certified.budgets)),
        *_robust(certified),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _place(certified: Certification) -> str:
    return (
        f"World {cell(certified.world)}, {certified.arrivals:,} arrivals, `manifest_fingerprint` "
        f"`{certified.manifest_fingerprint}`, `parameter_hash` `{certified.parameter_hash}`, posture "
        f"{cell(certified.posture)}, gate file {cell(certified.gate_file[0])}."
    )


def _gates(certified: Certification) -> str:
    seeds = [str(seed) for seed in certified.seeds]
    head = ["Gate", *(f"Seed {s}" for s in seeds), "B", "B+", "Variation"]
    rows = []
    for gate, values in certified.values.items():
        said = [number(values.get(s)) for s in seeds]
        levels = [_together([certified.passes[level][gate].get(s, ABSENT) for s in seeds]) for level in ("b", "bplus")]
        rows.append([gate, *said, *levels, number(certified.cv.get(gate))])
    return table(head, rows)


def _together(states: list[str]) -> str:
    """One word where all seeds agree, else how many pass."""
    if len(set(states)) == 1:
        return states[0]
    return f"{sum(s == Status.PASS for s in states)} of {len(states)} pass"


def _statistics(certified: Certification) -> str:
    rows = [[name, _together(list(found.values()))] for name, found in certified.statistics.items()]
    return table(["Line", "All seeds"], rows)


def _budgets(certified: Certification) -> str:
    rows = [
        [b.name, seconds(b.elapsed_s), seconds(b.target_s), seconds(b.stretch_s), b.status] for b in certified.budgets
    ]
    return table(["What", "Took", "Target", "At most", "Status"], rows)


def _robust(certified: Certification) -> list[str]:
    found = certified.robust
    if found is None:
        return []
    rows = [[g, f"{m['share']:.1%}", number(m["margin"]), m["where"]] for g, m in found["gates"].items()]
    passed = f"{found['reached']} of {found['runs']} further runs reach B+ ({found['share']:.1%}); 95 % are asked for."
    sizes = [f"{name}: {verdict}" for name, verdict in found["sizes"].items()]
    return [
        "## Further seeds, worlds and sizes",
        passed,
        *(["\n".join(f"- {cell(line)}" for line in sizes)] if sizes else []),
        table(["Gate", "Passes B+", "Worst margin", "Where"], rows),
    ]
