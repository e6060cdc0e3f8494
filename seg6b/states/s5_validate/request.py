"""What S5 is handed, and what it hands back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from seg6b.draws.uniform import Draws
from seg6b.evidence.tables import Evidence
from seg6b.gates.result import GateBoard
from seg6b.policy.packs import Policies
from seg6b.runs.axes import Axes
from seg6b.shards.executor import Executor
from seg6b.states.context import Input
from seg6b.states.record import RowState
from seg6b.states.s5_validate.check import Result
from seg6b.world.sealed import SealedWorld


@dataclass(frozen=True, slots=True)
class Upstream:
    """What S0 found.

    Attributes:
        root: folder that sealed paths and flag paths are relative to.
        receipt: `s0_gate_receipt_6B`.
        sealed: rows of `sealed_inputs_6B`.
        arrivals: rows of the arrival stream.
        arrival_key_sum: wrapping sum of the hashes of (merchant_id, arrival_seq) over the stream.
    """

    root: Path
    receipt: Mapping[str, Any]
    sealed: Sequence[Mapping[str, Any]]
    arrivals: int
    arrival_key_sum: int


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    """One run, as far as S5 may look at it.

    Attributes:
        axes: of the run.
        draws: of the run; the audited cells are drawn.
        policy: its packs.
        states: S1..S4, with their measures.
        evidence: merged evidence by state.
        inputs: committed datasets by name.
        catalogue: the campaign catalogue.
        world: the sealed world.
        upstream: what S0 found.
        board: the gates of the run.
        audit: `sampled` or `full`.
        executor: runs the audit's tasks.
        folder: where to write; relative paths inside are those inside the run.
    """

    axes: Axes
    draws: Draws
    policy: Policies
    states: Sequence[RowState]
    evidence: Mapping[str, Evidence]
    inputs: Mapping[str, Input]
    catalogue: pl.DataFrame
    world: SealedWorld
    upstream: Upstream
    board: GateBoard
    audit: str
    executor: Executor
    folder: Path


@dataclass(frozen=True, slots=True)
class ValidationOutcome:
    """The verdict and what was written.

    Attributes:
        status: `PASS`, `WARN` or `FAIL`.
        sealed: whether the flag was written.
        report: the validation report.
        files: paths relative to the folder of the request.
        board: the gates that the verdict rests on.
        draws: draws of S5 itself, by `family.decision`.
    """

    status: Result
    sealed: bool
    report: Mapping[str, Any]
    files: tuple[Path, ...]
    board: GateBoard
    draws: Mapping[str, int] = field(default_factory=dict)
