"""The closure board: one lane's decision on one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from seg6b.render.closure_words import (
    TONES,
    arm_row,
    control_named,
    fraction,
    fractions,
    headline,
    meaning,
    ratio_said,
    required_ratio,
    short,
    testbeds,
    timed_runs,
    timed_state,
)
from seg6b.render.gate_changes import gate_changes
from seg6b.render.page import render_page
from seg6b.render.plots.history import past_times
from seg6b.render.plots.pairs import paired_runs, time_by_state
from seg6b.render.plots.ratios import forest
from seg6b.render.plots.shape import Plot
from seg6b.render.rows import said
from seg6b.render.wording import ABSENT, percent, seconds, signed
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import ArmScore, Closure, RunFacts
from seg6b.scoring.closure_json import leading

Facts = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in words."""

    run_id: str
    arm: str
    place: str
    elapsed: str
    total: str
    checks: str
    status: str
    verdict: str


def closure_html(closure: Closure, history: Sequence[str] = ()) -> str:
    """The page: decision and reasons, arms, time, gates, history, runs, provenance."""
    timing = timing_plots(closure)
    past = past_times(closure, history)
    context = {
        "title": f"Segment 6B closure {closure.lane}",
        "closure": closure,
        "tone": TONES[closure.decision],
        "meaning": meaning(closure.decision, closure.kind),
        "headline": headline(closure),
        "control": control_named(closure),
        "tiles": list(tiles(closure)),
        "state": timed_state(closure),
        "arms": [(score, arm_row(score), arm_facts(closure, score)) for score in closure.arms],
        "timing": timing,
        "gates": [(score, gate_changes(score)) for score in closure.arms if score.gates],
        "history": history,
        "past": past,
        "runs": [run_row(run, timed_state(closure)) for run in all_runs(closure)],
        "provenance": list(provenance(closure)),
    }
    return render_page("closure.html.j2", [*timing, *([past] if past else [])], context)


def timing_plots(closure: Closure) -> list[Plot]:
    """What there is to draw of the timed runs; one that stands alone takes the whole width."""
    drawn = [plot for plot in (forest(closure), paired_runs(closure), time_by_state(closure)) if plot]
    halves = [plot for plot in drawn if plot.span == "half"]
    return [replace(plot, span="full") if [plot] == halves else plot for plot in drawn]


def tiles(closure: Closure) -> Iterator[tuple[str, str, str]]:
    """The figures beside the decision: name, figure, remark."""
    score, state = leading(closure), timed_state(closure)
    if closure.best or score is None:
        yield "Best arm", closure.best or "none", " ".join(score.overrides) if score else ""
    else:
        yield "Best arm", "none", f"nearest {score.arm}"
    if score and score.ratio:
        yield "Ratio", fraction(score.ratio.mean), f"95\u00a0% {fractions(score.ratio.ci95)}"
    if score and score.elapsed_s:
        against = f"control {seconds(median(score.control_s))}" if score.control_s else ""
        yield f"{state} of {score.arm}", seconds(median(score.elapsed_s)), against
    if score and score.parts:
        least = min(score.parts, key=lambda count: count.fewer)
        yield (
            "Fewer parts",
            percent(least.fewer),
            f"in {least.dataset}, {percent(closure.targets['min_fewer_parts'])} asked for",
        )
    required = required_ratio(closure)
    if required:
        yield "Asked for", f"below {fraction(required)}", f"{percent(1.0 - required)} of the control's time gone"
    sets = len({run.set_index for run in closure.runs if run.arm == CONTROL})
    of_sets = f", {sets} {'set' if sets == 1 else 'sets'}" if sets else ""
    yield (
        "Runs",
        f"{len(closure.runs):,}",
        f"{len(closure.arms)} {'arm' if len(closure.arms) == 1 else 'arms'}{of_sets}",
    )
    yield (
        "Authority",
        short(closure.baseline.run_id) if closure.baseline else "none",
        "" if closure.baseline else "not pinned",
    )


def arm_facts(closure: Closure, score: ArmScore) -> Facts:
    """What else is known of an arm."""
    facts: Facts = [("run", score.run_id)] if score.run_id else []
    if score.ratio:
        facts += [
            ("deciding interval", fractions(score.ratio.bounds)),
            ("bootstrap, 95 %", fractions(score.ratio.bootstrap95)),
            ("median of the pairs", fraction(score.ratio.median)),
            ("spread of log ratios", f"{score.ratio.spread:.4f}"),
        ]
        facts += [("does not settle for", score.ratio.reason)] if score.ratio.reason else []
        facts += [("further pairs that would", str(score.ratio.more))] if score.ratio.more > 0 else []
    if len(score.set_ratios) > 1:
        facts += [(f"set {k}", ratio_said(one)) for k, one in enumerate(score.set_ratios, start=1)]
    facts += [(f"parts of {c.dataset}", f"{c.parts:,} of {c.control:,}, {percent(c.fewer)} fewer") for c in score.parts]
    facts += [("all executed states", ratio_said(score.lane_ratio))] if score.lane_ratio else []
    moved = [(f"warn metric {name}", signed(delta)) for name, delta in score.warn_deltas.items() if delta]
    facts += moved or ([("warn metrics", "as the reference has them")] if score.warn_deltas else [])
    failing = {
        name: result for r in timed_runs(closure, score.arm) for name, result in r.required.items() if result != "PASS"
    }
    return [*facts, *((f"check {name}", result) for name, result in failing.items())]


def all_runs(closure: Closure) -> list[RunFacts]:
    """The authority, then every run in the order it was made."""
    rest = sorted(closure.runs, key=lambda run: (run.set_index, run.round_index, run.arm != CONTROL, run.arm))
    return [*([closure.baseline] if closure.baseline else []), *rest]


def run_row(run: RunFacts, state: str) -> RunRow:
    """One run's row."""
    failed = [name for name, result in run.required.items() if result != "PASS"]
    executed = sum(run.elapsed_s.get(name, 0.0) for name in run.executed)
    return RunRow(
        run_id=run.run_id,
        arm=run.arm,
        place=_place(run),
        elapsed=seconds(run.elapsed_s.get(state)),
        total=seconds(executed) if run.executed else ABSENT,
        checks=f"{len(failed)} failed" if failed else f"{len(run.required)} pass" if run.required else ABSENT,
        status=run.overall_status or ABSENT,
        verdict=run.verdict,
    )


def _place(run: RunFacts) -> str:
    if run.set_index == 0:
        return ABSENT
    return "warm-up" if run.round_index == 0 else f"set {run.set_index}, round {run.round_index}"


def provenance(closure: Closure) -> Iterator[tuple[str, Facts]]:
    """Groups of named facts: what was asked, what it was measured on."""
    some = next(iter(closure.runs), closure.baseline)
    yield (
        "Lane",
        [
            ("lane", closure.lane),
            ("kind", closure.kind),
            ("owner", closure.owner),
            ("sweep", closure.sweep_id),
            ("marker", closure.marker or ABSENT),
            ("last run", closure.generated_utc),
        ],
    )
    yield (
        "Closing rule",
        [(name.replace("_", " "), said(v)) for name, v in closure.targets.items() if v and name != "control"],
    )
    base = closure.baseline
    if base:
        yield "Authority", [("run", base.run_id), ("seed", str(base.seed)), ("parameter hash", base.parameter_hash)]
    if some:
        beds = "; ".join(testbeds(closure)) or some.testbed
        yield (
            "Common to all runs",
            [("seed", str(some.seed)), ("manifest fingerprint", some.manifest_fingerprint), ("testbed", beds)],
        )
        knobs = some if some.arm == CONTROL else next((r for r in closure.runs if r.arm == CONTROL), some)
        yield f"Knobs of {knobs.arm}", [(name, said(value)) for name, value in knobs.knobs.items()]
