"""What a closed sweep says on the terminal: a line an arm, the decision, and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final

from rich.table import Table
from rich.text import Text

from seg6b.render.closure_words import TONES, arm_row, control_named, headline, short, timed_runs, timed_state
from seg6b.render.console import PLAIN_WIDTH, console_on, plain_table
from seg6b.render.wording import ABSENT
from seg6b.runs.sweep import CONTROL
from seg6b.scoring.closure import ArmScore, Closure, Decision

_STYLE: Final = {"pass": "bold green", "insufficient": "bold yellow", "fail": "bold red"}
_MOST_ROUNDS: Final = 12
_ROOMY: Final = 120
_KEPT: Final = (Decision.KEEP, Decision.KEEP_PROVISIONAL)


def show_closure(closure: Closure, paths: Sequence[Path], stream: IO[str] | None = None) -> None:
    """Print the arms, the decision with its reasons, where the files are, and what to type next; to stdout."""
    console = console_on(stream or sys.stdout)
    console.print(closure_table(closure, console.width))
    for line in [*decision_lines(closure), "", *places(closure, paths), "", *next_steps(closure)]:
        console.print(line, soft_wrap=True)


def closure_table(closure: Closure, width: int = PLAIN_WIDTH) -> Table:
    """One line an arm; reasons are left out where `width` leaves no room for them."""
    state = timed_state(closure)
    table = plain_table(f"Lane {closure.lane}, sweep {short(closure.sweep_id)}", ("Arm", "Overrides"))
    for name in ("Ratio", "95 % interval", "Pairs", state, "Control"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Decision", no_wrap=True)
    roomy = width >= _ROOMY
    if roomy:
        table.add_column("Why")
    for row in map(arm_row, closure.arms):
        said = "; ".join([*row.reasons, *(drift for drift in row.drifts if not row.reasons)])
        cells = [row.arm, "\n".join(row.overrides) or ABSENT, row.ratio, row.ci95, row.n, row.elapsed, row.control]
        decision = Text(row.decision, style=_STYLE[row.tone])
        table.add_row(*(Text(cell) for cell in cells), decision, *([Text(said, style="dim")] if roomy else []))
    return table


def decision_lines(closure: Closure) -> list[Text]:
    """The decision, the result in a sentence, every reason, what is named of the control, and overrides."""
    tone = _STYLE[TONES[closure.decision]]
    first = Text.assemble((f"{closure.decision}  {closure.marker}".rstrip(), tone), f"  {headline(closure)}")
    told = [Text(f"  {said}") for said in (*closure.reasons, control_named(closure)) if said]
    return [first, *told, *(Text(f"  Override: {override}", style="yellow") for override in closure.overrides)]


def places(closure: Closure, paths: Sequence[Path]) -> list[Text]:
    """Where things are."""
    named = [(path.suffix.lstrip("."), str(path)) for path in paths]
    named += [("sweep", f"mlruns/sweeps/{closure.sweep_id}")]
    return [Text.assemble((f"{name:<10}", "dim"), fact) for name, fact in named]


def next_steps(closure: Closure) -> list[Text]:
    """What to type next."""
    steps = [*_pinning(closure), *_settling(closure), *_failures(closure)]
    steps += [("free what is superseded (shows a plan first)", "python -m seg6b prune")]
    width = max(len(command) for _, command in steps) + 2
    return [Text.assemble((f"{command:<{width}}", "bold"), (what, "dim")) for what, command in steps]


def _pinning(closure: Closure) -> Iterator[tuple[str, str]]:
    best = next((score for score in closure.arms if score.arm == closure.best and score.decision in _KEPT), None)
    control = next(iter(timed_runs(closure, CONTROL)), None)
    if closure.baseline is None:
        if control_named(closure):
            yield "lock an authority with knobs of its own, then run the lane again", "python -m seg6b.lane +lane=popt0"
        elif control is not None:
            yield (
                "pin the control as authority, then run the lane again",
                f"python -m seg6b pin {short(control.run_id)} --role authority",
            )
    elif best is not None and best.decision == Decision.KEEP:
        reason = f'--replace --reason "{closure.lane}: {best.arm} kept"'
        yield f"make {best.arm} the authority", f"python -m seg6b pin {short(best.run_id)} --role authority {reason}"
    if best is not None and best.decision == Decision.KEEP_PROVISIONAL:
        yield f"confirm {best.arm} with a second set: the same command and", "lane.confirm=true"


def _settling(closure: Closure) -> Iterator[tuple[str, str]]:
    for score in closure.arms:
        if score.decision == Decision.INSUFFICIENT and score.ratio is not None:
            yield _more(score, score.ratio.n, score.ratio.more)
    inert = [score.arm for score in closure.arms if score.decision == Decision.INERT]
    if inert:
        yield f"{', '.join(inert)} cannot bind at this size; a larger world may let it", "world=large"


def _more(score: ArmScore, n: int, more: int) -> tuple[str, str]:
    if more > 0 and n + more <= _MOST_ROUNDS:
        return f"{more} more repeats would settle {score.arm}: the same command and", f"lane.repeats={n + more}"
    return f"no number of repeats up to {_MOST_ROUNDS} would settle {score.arm}; a longer state would", "world=large"


def _failures(closure: Closure) -> Iterator[tuple[str, str]]:
    failed = [score.arm for score in closure.arms if score.failed_runs]
    if failed:
        yield f"see why runs of {', '.join(failed)} failed", f"less mlruns/sweeps/{closure.sweep_id}/logs/*.err"
