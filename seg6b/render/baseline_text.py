"""The runtime baseline as a reviewer reads it: what is locked, where its time goes, what it is held against."""

from __future__ import annotations

from collections.abc import Sequence

from seg6b.render.markdown import cell, section, table
from seg6b.render.wording import ABSENT, percent, seconds, size
from seg6b.runs.meter import SPLIT
from seg6b.scoring.baseline import RuntimeBaseline
from seg6b.scoring.budget_pin import BudgetLine
from seg6b.scoring.facts import PASS
from seg6b.scoring.hotspots import StateShare
from seg6b.scoring.part_shape import PartShape, Spread


def lock_markdown(baseline: RuntimeBaseline, history: Sequence[str] = ()) -> str:
    """Decision, the locked run, its states and checks, hotspots, part shape, budgets and the gains to expect."""
    parts = [
        f"# Segment 6B lane {cell(baseline.lane)}: baseline lock, {baseline.decision}",
        "\n".join(f"- {cell(reason)}" for reason in baseline.reasons),
        f"**{cell(baseline.marker)}**." if baseline.marker else "",
        *(f"> {cell(override)}" for override in baseline.overrides),
        _locked(baseline),
        "## States",
        _states(baseline),
        "## Required checks of S5",
        table(["Check", "Result"], sorted(baseline.facts.required.items())),
        "## Where the time goes",
        _hotspots(baseline),
        "## Part shape of heavy datasets",
        _parts(baseline),
        "## Budgets",
        _budgets(baseline),
        "## Gains to expect",
        _ladder(baseline),
        *section("History of the build plan", history),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def hotspot_markdown(baseline: RuntimeBaseline) -> str:
    """The hotspot map alone."""
    found = baseline.hotspots
    run = (
        f"Run `{baseline.receipt.run_id}`, {seconds(found.elapsed_s)} in S1..S5, {found.threads} worker threads. "
        f"Order: {', '.join(found.order)}."
    )
    parts = [
        f"# Segment 6B lane {cell(baseline.lane)}: hotspot map",
        run,
        _hotspots(baseline),
        "\n".join(f"- {state.state}: {_dearest(state)}" for state in found.states if state.lanes),
    ]
    return "\n\n".join(parts) + "\n"


def _locked(baseline: RuntimeBaseline) -> str:
    receipt = baseline.receipt
    facts = [
        ("run", f"`{receipt.run_id}`"),
        ("receipt", f"`{receipt.digest}`"),
        ("world", f"{cell(receipt.world['name'])}, {receipt.world['arrivals']:,} arrivals"),
        ("`manifest_fingerprint`", f"`{receipt.manifest_fingerprint}`"),
        ("`parameter_hash`", f"`{receipt.parameter_hash}`, posture {cell(receipt.posture)}"),
        ("seed, scenario", f"{receipt.seed}, {cell(receipt.scenario_id)}"),
        ("code", f"`{cell(receipt.git_revision)}`"),
        ("testbed", cell(baseline.facts.testbed)),
        ("ended", cell(receipt.ended_utc)),
        ("gateboard", cell(baseline.facts.verdict)),
    ]
    return "\n".join(f"- {name}: {said}" for name, said in facts)


def _states(baseline: RuntimeBaseline) -> str:
    facts = baseline.facts
    rows = [
        [
            state,
            facts.overall_status if state == "S5" else PASS,
            "executed" if state in facts.executed else "linked",
            seconds(facts.elapsed_s[state]),
            seconds(facts.cpu_s[state]),
        ]
        for state in sorted(facts.elapsed_s)
    ]
    return table(["State", "Status", "How", "Elapsed", "CPU"], rows)


def _hotspots(baseline: RuntimeBaseline) -> str:
    states, lanes = baseline.hotspots.states, [lane.capitalize() for lane in SPLIT]
    wall = [[s.rank, s.state, seconds(s.elapsed_s), percent(s.share), *_lanes(s)] for s in states]
    cpu = [[s.state, seconds(s.cpu_s), *_lanes(s, cpu=True)] for s in states]
    note = (
        "Share is of the wall time of S1..S5; lanes and residual make up the state's. An instant in which several "
        "threads work is shared among their lanes; the residual is the time in which none of them was in a lane."
    )
    used = "CPU time of the process, charged to the lanes that were at work meanwhile:"
    tables = table(["Rank", "State", "Elapsed", "Share", *lanes], wall), table(["State", "CPU", *lanes], cpu)
    return "\n\n".join((tables[0], note, used, tables[1]))


def _lanes(state: StateShare, *, cpu: bool = False) -> list[str]:
    found = (*state.lanes, *((state.residual,) if state.residual else ()))
    shares = {lane.lane: percent(lane.cpu_share if cpu else lane.share) for lane in found}
    return [shares.get(lane, ABSENT) for lane in SPLIT]


def _dearest(state: StateShare) -> str:
    return ", ".join(f"{lane.lane} {percent(lane.share)}" for lane in state.lanes)


def _parts(baseline: RuntimeBaseline) -> str:
    rows = [[p.dataset, p.files, *_spreads(p), "small" if p.small_files else ""] for p in baseline.parts.heavy]
    head = ["Dataset", "Files", "Rows a file: min, median, max", "Bytes a file: min, median, max", "Files are"]
    light = ", ".join(f"`{cell(name)}`" for name in baseline.parts.light) or "none"
    limit = size(baseline.parts.small_file_bytes)
    note = (
        f"Small: the median file is below {limit}. "
        f"Not heavy, below {percent(baseline.parts.heavy_share)} of all bytes: {light}."
    )
    return f"{table(head, rows)}\n\n{note}"


def _spreads(shape: PartShape) -> tuple[str, str]:
    def three(spread: Spread) -> tuple[float, float, float]:
        return spread.min, spread.median, spread.max

    return (
        ", ".join(f"{n:,.0f}" for n in three(shape.rows_per_file)),
        ", ".join(size(n) for n in three(shape.bytes_per_file)),
    )


def _budgets(baseline: RuntimeBaseline) -> str:
    pin = baseline.budgets
    head = ["What", "Took", "Target", "Stretch", "Gap to target", "Status"]
    note = (
        f"Stated for {pin.budget_arrivals:,} arrivals, scaled to {pin.arrivals:,}, not below {pin.floor_s:g} s a state."
    )
    return f"{table(head, [_budget(line) for line in pin.lines])}\n\n{note}"


def _budget(line: BudgetLine) -> list[str]:
    target = seconds(line.target_s) + (" (floor)" if line.at_floor else "")
    return [line.name, seconds(line.elapsed_s), target, seconds(line.stretch_s), seconds(line.gap_s), line.status]


def _ladder(baseline: RuntimeBaseline) -> str:
    head = ["Lane", "State", "Reduction", "Gain", "Gap before", "Candidate lane after", "Status then"]
    rows = [
        [
            step.lane,
            step.state,
            percent(step.min_reduction),
            seconds(step.expected_gain_s),
            seconds(step.gap_s),
            seconds(step.candidate_after_s),
            step.status_after,
        ]
        for step in baseline.budgets.ladder
    ]
    return table(head, rows)
