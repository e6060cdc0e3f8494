"""The closure of a witness lane as report files: JSON, Markdown, elapsed times as CSV, and the replay's own two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seg6b.render.closure_files import lane_slug
from seg6b.render.elapsed_csv import elapsed_csv
from seg6b.render.markdown import cell, section, table
from seg6b.render.replay_files import write_replay
from seg6b.render.wording import ABSENT, percent, seconds
from seg6b.runs.disk import write_json, write_text
from seg6b.runs.folder import checked_run_id
from seg6b.scoring.closure import RunFacts
from seg6b.scoring.closure_json import SEGMENT, phase_of, run_json, witness_json
from seg6b.scoring.facts import checks_pass
from seg6b.scoring.replay import ReplayWitness
from seg6b.scoring.state_csv import run_rows
from seg6b.scoring.witness import MOST_SLOWER, WitnessClosure, whole
from seg6b.settings.rules import OWNERS


def write_witness(closure: WitnessClosure, folder: Path, history: Sequence[str] = ()) -> list[Path]:
    """Write all files; each appears whole or not at all, and equal runs give equal bytes.

    Args:
        closure: what was decided.
        folder: `reports/`.
        history: what the build plan measured for this lane.

    Returns:
        Their paths: closure as JSON and Markdown, elapsed times, replay as JSON and Markdown.
    """
    closed = [folder / witness_name(closure, "closure", extension) for extension in ("json", "md")]
    elapsed = folder / witness_name(closure, "state_elapsed", "csv")
    replay = write_replay(closure.lane, closure.replay, folder)
    runs = (closure.authority, *closure.runs, *closure.again)
    write_text(elapsed, elapsed_csv(row for run in runs for row in run_rows(run)))
    write_text(closed[1], witness_markdown(closure, history))
    write_json(closed[0], witness_closure_json(closure))
    return [*closed, elapsed, *replay]


def witness_name(closure: WitnessClosure, name: str, extension: str) -> str:
    """`segment6b_<lane>_<name>_<run>.<extension>`, by the run of the authority's seed."""
    return f"segment6b_{lane_slug(closure.lane)}_{name}_{checked_run_id(closure.run.run_id)}.{extension}"


def witness_closure_json(closure: WitnessClosure) -> dict[str, Any]:
    """The fields of a closure file, with a run for each seed."""
    return {
        "segment": SEGMENT,
        "phase": phase_of(closure.lane),
        "lane": closure.lane,
        "kind": "witness",
        "witness_id": closure.witness_id,
        "decision": str(closure.decision),
        "marker": closure.marker,
        "reasons": list(closure.reasons),
        "overrides": list(closure.overrides),
        "baseline": run_json(closure.authority),
        "candidate": run_json(closure.run),
        "witness": witness_json(closure.replay),
        "runs": [run_json(run) for run in closure.runs],
        "state_elapsed_s": {
            "baseline": closure.authority.elapsed_s,
            "runs": {str(run.seed): run.elapsed_s for run in closure.runs},
            "again": [run.elapsed_s for run in closure.again],
        },
        "metrics": {
            "slower_than_authority": closure.slower,
            "non_regression_pass": closure.slower is not None and closure.slower <= MOST_SLOWER,
            "digests_equal": closure.run.digests == closure.authority.digests,
        },
        "budgets": {budget.name: asdict(budget) for budget in closure.budgets},
        "certified_seeds": closure.certified,
        "generated_utc": closure.generated_utc,
    }


def witness_markdown(closure: WitnessClosure, history: Sequence[str] = ()) -> str:
    """Decision and reasons, the runs, budgets, the comparison with the authority, the replay in short."""
    parts = [
        f"# Segment 6B lane {cell(closure.lane)}: runtime witness, {closure.decision}",
        "\n".join(f"- {cell(reason)}" for reason in closure.reasons),
        f"**{cell(closure.marker)}**." if closure.marker else "",
        *(f"> {cell(override)}" for override in closure.overrides),
        "## Runs",
        _runs(closure),
        _against_authority(closure),
        "## Budgets",
        _budgets(closure),
        "## Replay",
        _replay(closure.replay),
        *section("History of the build plan", history),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _replay(found: ReplayWitness) -> str:
    datasets = len(found.datasets)
    return f"`{found.witness_id}` against `{found.run_id}`: {found.verdict}, {datasets} datasets compared."


def _runs(closure: WitnessClosure) -> str:
    rows = [_run(run) for run in (closure.authority, *closure.runs, *closure.again)]
    return table(["What", "Run", "Seed", *OWNERS, "S1 to S5", "Required checks", "Gateboard"], rows)


def _run(run: RunFacts) -> list[str]:
    took = [seconds(run.elapsed_s.get(state)) for state in OWNERS]
    checks = "PASS" if checks_pass(run) else "FAIL"
    return [run.arm, f"`{run.run_id[:8]}`", str(run.seed), *took, seconds(whole(run)), checks, cell(run.verdict)]


def _against_authority(closure: WitnessClosure) -> str:
    if closure.slower is None:
        return "Times are not held against the authority's: another testbed, or a linked state."
    apart = f"{percent(abs(closure.slower))} {'slower' if closure.slower > 0 else 'faster'}"
    return (
        f"The fastest of the {1 + len(closure.again)} runs of seed {closure.run.seed} is {apart} than the authority; "
        f"single timings of equal code scatter, so up to {percent(MOST_SLOWER)} slower is no regression."
    )


def _budgets(closure: WitnessClosure) -> str:
    rows = [
        [b.name, seconds(b.elapsed_s), seconds(b.target_s), seconds(b.stretch_s), b.status] for b in closure.budgets
    ]
    note = (
        f"States on their slowest seed, the candidate lane as the slowest chain, the witness lane as both, the "
        f"certification lane as {closure.certified} times the slowest."
    )
    return f"{table(['What', 'Took', 'Target', 'At most', 'Status'], rows or [[ABSENT] * 5])}\n\n{note}"
