"""How often the bench is right: identical arms, and a state S4 that was made slower or faster by a known share.

Every sweep is a real one: `python -m seg6b.lane -m …` with an authority, fresh processes and both sets. A candidate has
the settings of the control; what differs is a pause inside S4, in proportion to its work, put in by this file.

    python benchmarks/closure.py                                   # 20 identical, 10 slower, 10 faster; tiny world
    python benchmarks/closure.py --world default --identical 5 --slower 0 --faster 0
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

PAUSES = "SEG6B_BENCHMARK_PAUSES"
CANDIDATE = "c01"
SHARE = 0.15
CASES = {
    "identical": {},
    "slower": {CANDIDATE: SHARE},
    "faster": {"control": 1.0 / (1.0 - SHARE) - 1.0},
}


def slot(overrides: list[str]) -> None:
    """One run of a sweep, with the pause that its arm was given."""
    arm = next((o.split("=")[1] for o in overrides if o.startswith("arm.name=")), "")
    pause_in_s4(json.loads(os.environ[PAUSES]).get(arm, 0.0))
    enter(overrides)


def pause_in_s4(share: float) -> None:
    """Make S4 longer by `share` of what it takes: just before its receipt is written, when all else is done."""
    from seg6b.states import execute, pipeline  # noqa: PLC0415 - only where a lane runs

    work: Callable[[object], None] = pipeline.S4.run
    commit: Callable[..., object] = execute.commit_state
    begun: list[float] = []

    def noted(ctx: object) -> None:
        begun.append(time.perf_counter())
        work(ctx)

    def slowed(run: object, state: str, folder: Path, receipt: Callable[[object], object]) -> object:
        def late(files: object) -> object:
            if state == "S4":
                time.sleep(share * (time.perf_counter() - begun[0]))
            return receipt(files)

        return commit(run, state, folder, late)

    object.__setattr__(pipeline.S4, "run", noted)
    execute.__dict__["commit_state"] = slowed


def sweep(overrides: list[str]) -> None:
    """The lane's own command, whose runs come back to this file."""
    from seg6b.lane.bench import run_sweep  # noqa: PLC0415

    run_sweep.__kwdefaults__["command"] = (sys.executable, __file__, "slot")
    enter(overrides)


def enter(overrides: list[str]) -> None:
    """`python -m seg6b.lane` with these arguments."""
    from seg6b.lane.entry import main  # noqa: PLC0415

    sys.argv = ["seg6b.lane", *overrides]
    main()


def measure(root: Path, world: str, case: str, seen: set[Path]) -> dict[str, object]:
    """One sweep; its decision, ratio, spread and pairs."""
    command = [sys.executable, __file__, "sweep", "-m", f"root={root}", f"world={world}", "s4.batch_rows=500000"]
    pauses = {**os.environ, PAUSES: json.dumps(CASES[case])}
    begun = time.perf_counter()
    done = subprocess.run(command, env=pauses, capture_output=True, text=True, check=False)
    closures = set(root.glob("mlruns/sweeps/*/closure.json")) - seen
    if len(closures) != 1:
        sys.exit(f"the sweep did not close:\n{done.stderr[-3000:]}")
    seen |= closures
    (arm,) = json.loads(closures.pop().read_text())["arms"]
    ratio = arm["ratio"] or {}
    return {
        "case": case,
        "decision": arm["decision"],
        "ratio": ratio.get("mean"),
        "ci95": ratio.get("ci95"),
        "first_pairs": arm["set_ratios"][0]["n"] if arm["set_ratios"] else 0,
        "spread": arm["set_ratios"][0]["spread"] if arm["set_ratios"] else None,
        "median_s": statistics.median(arm["elapsed_s"]) if arm["elapsed_s"] else None,
        "provisional": arm["decision"] in {"KEEP", "KEEP_PROVISIONAL"} or len(arm["set_ratios"]) > 1,
        "minutes": round((time.perf_counter() - begun) / 60, 2),
    }


def report(results: list[dict[str, object]]) -> None:
    """A line a case, and the spread of the day."""
    for case in CASES:
        found = [r for r in results if r["case"] == case]
        if found:
            decisions = Counter(str(r["decision"]) for r in found)
            provisional = sum(bool(r["provisional"]) for r in found)
            print(f"{case:10} {len(found):3} sweeps  {dict(decisions)}  faster after the first set: {provisional}")
    spreads = sorted(float(str(r["spread"])) for r in results if r["spread"] is not None)
    if spreads:
        print(
            f"spread of paired log ratios: median {statistics.median(spreads):.3f}, {spreads[0]:.3f}..{spreads[-1]:.3f}"
        )


def main() -> None:
    """Pin an authority on a new root, then run the cases interleaved."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--world", default="tiny")
    parser.add_argument("--identical", type=int, default=20)
    parser.add_argument("--slower", type=int, default=10)
    parser.add_argument("--faster", type=int, default=10)
    parser.add_argument("--json", type=Path, default=None)
    given = parser.parse_args()
    left = {case: getattr(given, case) for case in CASES}
    order = sorted((k / (n + 1), case) for case, n in left.items() for k in range(1, n + 1))
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        lane = [sys.executable, "-m", "seg6b.lane", f"root={root}", f"world={given.world}", "tracking=off"]
        subprocess.run(lane, capture_output=True, check=False)
        subprocess.run([sys.executable, "-m", "seg6b", "pin", "--root", str(root)], capture_output=True, check=True)
        results: list[dict[str, object]] = []
        seen: set[Path] = set()
        for _, case in order:
            results.append(measure(root, given.world, case, seen))
            print(json.dumps(results[-1]), flush=True)
            if given.json:
                given.json.write_text(json.dumps(results, indent=2))
    report(results)


if __name__ == "__main__":
    if sys.argv[1:2] == ["slot"]:
        slot(sys.argv[2:])
    elif sys.argv[1:2] == ["sweep"]:
        sweep(sys.argv[2:])
    else:
        main()
