"""Receipts: what happened, typed. A state without a receipt did not happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PartReceipt:
    """One published part."""

    name: str
    rows: int
    bytes: int
    sha256: str
    cells: tuple[int, int]


@dataclass(frozen=True, slots=True)
class DatasetReceipt:
    """One published dataset: its digest and its parts, relative to the run folder."""

    folder: str
    rows: int
    bytes: int
    digest: str
    parts: tuple[PartReceipt, ...]


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """Any other published file (evidence, reports, flags), relative to the run folder."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class StateReceipt:
    """One state that happened.

    Attributes:
        state: `S0` … `S5`.
        input_key: SHA-256 over everything that shapes the state's rows.
        input_parts: the named parts of that key, each with its own hash.
        knobs: how it computed.
        started_utc: RFC 3339.
        ended_utc: RFC 3339.
        elapsed_s: wall seconds: `total`, which is `input`, `compute`, `validate`, `write` and `residual` together.
        cpu_s: CPU seconds of the process, likewise.
        peak_rss_mb: highest resident memory of the process while it ran.
        rows: rows of the state's largest input, the base of its rows/s.
        datasets: what it published.
        files: what else it published.
        rng_draws: draws per `family.decision`.
        staged_from: run that the state was linked from, else empty.
    """

    state: str
    input_key: str
    input_parts: dict[str, str]
    knobs: dict[str, Any]
    started_utc: str
    ended_utc: str
    elapsed_s: dict[str, float]
    cpu_s: dict[str, float]
    peak_rss_mb: float
    rows: int
    datasets: dict[str, DatasetReceipt]
    files: tuple[FileReceipt, ...]
    rng_draws: dict[str, int]
    staged_from: str = ""


@dataclass(frozen=True, slots=True)
class RunReceipt:
    """One run.

    Attributes:
        run_id: 32 lower hex, ours.
        lane: lane id, `adhoc` outside lanes.
        role: what it was made as: `candidate`, `control` or `repeat`; what it became stands in pins and ledger.
        seed: run seed.
        scenario_id: scenario.
        manifest_fingerprint: world.
        parameter_hash: policy.
        pack_hashes: hash of each pack.
        posture: the named choice of packs.
        world: world name and arrivals.
        knobs: knobs of every state, threads and executor.
        policy: the full packs, as plain data.
        git_revision: commit of the code, with `+dirty` where it was changed; empty outside a checkout.
        versions: python, seg6b and the libraries that shape rows.
        machine: cores, memory, CPU model, platform.
        started_utc: RFC 3339.
        ended_utc: RFC 3339, empty while running.
        states: states with a receipt, in order.
        status: `RUNNING`, `DONE` or `FAILED`.
        mlflow_run_id: MLflow's id, empty until tracked.
        files: projections beside the states' own files, such as the gateboard.
        sweep_id: sweep that it is a slot of, empty outside sweeps.
        arm: its arm there.
        set_index: set of repeats there.
        round_index: round there; 0 is the warm-up.
        source_run: where it was told to link from.
        digest: SHA-256 over all other fields; set when the receipt is written, checked whenever it is read.
    """

    run_id: str
    lane: str
    role: str
    seed: int
    scenario_id: str
    manifest_fingerprint: str
    parameter_hash: str
    pack_hashes: dict[str, str]
    posture: str
    world: dict[str, Any]
    knobs: dict[str, Any]
    policy: dict[str, Any]
    git_revision: str
    versions: dict[str, str]
    machine: dict[str, Any]
    started_utc: str
    ended_utc: str = ""
    states: tuple[str, ...] = ()
    status: str = "RUNNING"
    mlflow_run_id: str = ""
    files: tuple[FileReceipt, ...] = ()
    sweep_id: str = ""
    arm: str = ""
    set_index: int = 0
    round_index: int = 0
    source_run: str = ""
    digest: str = ""
