"""Stands in for the lane's process where a schedule is tested, not a run: leaves a copy of a finished run behind.

python stand_in.py RUN SCRIPT OVERRIDE…: SCRIPT is JSON, arm → what its runs do: `{"s": seconds of S4}`, `"drift"`,
`{"die": refusal}`, `"hang"`, with `"rounds": [1]` in those rounds alone; arms that are not named take a second.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder


def main(source, script, *overrides):
    given = dict(o.split("=", 1) for o in overrides)
    given = {k: v.strip("'") for k, v in given.items()}
    deed = json.loads(script).get(given["arm.name"], {})
    note(given)
    if deed == "hang":
        time.sleep(60)
    if isinstance(deed, dict) and int(given["arm.round_index"]) not in deed.get(
        "rounds", [int(given["arm.round_index"])]
    ):
        deed = {}
    if isinstance(deed, dict) and "die" in deed:
        sys.exit(deed["die"])
    leave(RunFolder(Path(source)), given, deed)


def note(given):
    """One line a process, in the order in which they ran."""
    with (Path(given["root"]) / "ran.jsonl").open("a") as file:
        file.write(
            json.dumps({**given, "hash_seed": os.environ.get("PYTHONHASHSEED", ""), "env": sorted(os.environ)}) + "\n"
        )


def leave(source, given, deed):
    run = RunFolder.of(Path(given["root"]), given["run_id"])
    if run.exists():
        return
    receipt = source.receipt()
    report = f"data/layer3/6B/validation/manifest_fingerprint={receipt.manifest_fingerprint}"
    shutil.copytree(source.path / report, run.path / report)
    shutil.copy(source.gates_path, run.gates_path)
    (run.path / "states").mkdir()
    for path in sorted((source.path / "states").glob("*.json")):
        state = source.state(path.stem)
        if state.state == "S4":
            state = altered(state, deed)
        elif state.state < "S4":
            state = replace(state, staged_from="" if given["source_run"] == "any" else source.run_id)
        write_json(run.state_path(state.state), state)
    slot = {"set_index": int(given["arm.set_index"]), "round_index": int(given["arm.round_index"])}
    made = {"run_id": run.run_id, "sweep_id": given["arm.sweep"], "arm": given["arm.name"], **slot}
    run.write_receipt(replace(receipt, status="DONE", **made))


def altered(state, deed):
    seconds = deed.get("s", 1.0) if isinstance(deed, dict) else 1.0
    state = replace(state, elapsed_s=state.elapsed_s | {"total": seconds})
    if deed != "drift":
        return state
    name = "s4_event_labels_6B"
    rows = state.datasets[name].digest.split(":")[0]
    return replace(state, datasets=state.datasets | {name: replace(state.datasets[name], digest=f"{rows}:{'0' * 16}")})


if __name__ == "__main__":
    main(*sys.argv[1:])
