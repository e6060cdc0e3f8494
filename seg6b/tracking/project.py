"""`project`: one run, shown to MLflow; done twice, it shows the same run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from seg6b.gates.board_file import read_board
from seg6b.gates.result import GateBoard
from seg6b.runs.folder import RunFolder
from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.runs.verify import state_receipts
from seg6b.tracking.mlflow_run import born, end, log, millis
from seg6b.tracking.projection import Projection, project_run
from seg6b.tracking.roles import pinned_roles
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import experiment_id, open_store

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

_STATUS: Final = {"DONE": "FINISHED", "FAILED": "FAILED", "RUNNING": "RUNNING", "KILLED": "KILLED"}
NOTHING: Final = Projection()


def project(
    receipt: RunReceipt,
    states: Sequence[StateReceipt],
    board: GateBoard | None,
    artifacts: Sequence[Path],
    settings: MLflowSettings,
    parent_id: str = "",
    *,
    also: Projection = NOTHING,
) -> str:
    """Log a run to the experiment named after its lane.

    Args:
        receipt: the run; its status may also be `KILLED`.
        states: its states.
        board: its gates; None where S5 did not happen.
        artifacts: files to copy; those in a folder `states` keep it, the others go to the top.
        settings: where to.
        parent_id: MLflow id of the parent run of a sweep.
        also: further values, such as the tags `decision` and `owner`; they win.

    Returns:
        MLflow's run id; empty where tracking is switched off. A run that is already there (by its tag
        `seg6b.run_id`) is brought up to date, not doubled.

    Raises:
        ResourceRefused: the store cannot be used; nothing of the run itself is affected.
    """
    if not settings.enabled:
        return ""
    shown = project_run(receipt, states, board) | nested(parent_id) | also
    started, ended = millis(receipt.started_utc), millis(receipt.ended_utc or receipt.started_utc)
    with open_store(settings) as client:
        experiment = experiment_id(client, settings, receipt.lane)
        run_id = born(client, settings, experiment, started, ("seg6b.run_id", receipt.run_id))
        log(client, run_id, shown, ended)
        client.log_inputs(run_id, datasets=[_world(receipt)])
        for path in artifacts:
            client.log_artifact(run_id, str(path), "states" if path.parent.name == "states" else None)
        end(client, run_id, _STATUS.get(receipt.status, "FAILED"), ended)
    return run_id


def project_folder(
    run: RunFolder, settings: MLflowSettings, parent_id: str = "", *, also: Projection = NOTHING, status: str = ""
) -> str:
    """Log a run as its folder and its pins tell it; `status` stands in where the run came to no end.

    Raises:
        Damaged: a receipt of the run cannot be read.
        ResourceRefused: the store cannot be used.
    """
    receipt, states = run.receipt(), state_receipts(run)
    pinned = pinned_roles(settings.root).get(receipt.run_id)
    role = Projection(tags={"role": pinned}) if pinned else NOTHING
    if status:
        last = max((s.ended_utc for s in states.values()), default="")
        receipt = replace(receipt, status=status, ended_utc=receipt.ended_utc or last)
    board = read_board(run)
    files = [run.receipt_path, run.gates_path, run.board_path, *(run.state_path(name) for name in states)]
    artifacts = [path for path in files if path.exists()]
    return project(receipt, tuple(states.values()), board, artifacts, settings, parent_id, also=also | role)


def nested(parent_id: str) -> Projection:
    """What makes a run the child of another one; nothing without a parent."""
    return Projection(tags={"mlflow.parentRunId": parent_id}) if parent_id else NOTHING


def _world(receipt: RunReceipt) -> DatasetInput:
    """The world as MLflow's dataset input."""
    from mlflow.entities import Dataset, DatasetInput, InputTag  # noqa: PLC0415

    fingerprint = receipt.manifest_fingerprint
    world = Dataset(
        name=f"world {receipt.world.get('name', '')}".strip(),
        digest=fingerprint[:32],
        source_type="seg6b.world",
        source=json.dumps({"manifest_fingerprint": fingerprint, "scenario_id": receipt.scenario_id}),
        schema="{}",
        profile=json.dumps(receipt.world, sort_keys=True, default=str),
    )
    return DatasetInput(world, [InputTag("mlflow.data.context", "world")])
