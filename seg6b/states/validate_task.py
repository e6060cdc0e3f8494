"""S5 as a task: gather evidence and receipts, evaluate the gates, validate, leave `gates.json` beside the bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seg6b.datasets.parts import read_parts
from seg6b.datasets.tables import CAMPAIGNS
from seg6b.evidence.tables import Evidence
from seg6b.gates.encoding import to_json
from seg6b.gates.evaluate import evaluate
from seg6b.gates.result import GateBoard
from seg6b.gates.thresholds import load_thresholds
from seg6b.runs.axes import Axes
from seg6b.runs.disk import write_text
from seg6b.runs.folder import RunFolder
from seg6b.runs.meter import Meter, Metered
from seg6b.runs.receipt import StateReceipt
from seg6b.shards.executor import Executor
from seg6b.states.context import Input
from seg6b.states.execute import Site, Task, Work, input_of, read_state_evidence
from seg6b.states.gate_task import gate_file_hash
from seg6b.states.record import RowState
from seg6b.states.s5_validate import validate
from seg6b.states.s5_validate.request import Upstream, ValidationRequest

STATUS_FILE = "s5_validation_report_6B.json"


def validate_task(site: Site, states: Sequence[RowState], receipts: Mapping[str, StateReceipt]) -> Task:
    """The task of S5; its key holds every pack, the gate file and the digests of all that was published."""
    packs = {f"pack.{name}": site.job.policy.pack_hash(name) for name in site.job.policy.plain()}
    datasets = {f"input.{n}": d.digest for r in receipts.values() for n, d in r.datasets.items()}
    gates = {"gate_file": gate_file_hash(site.job.gates)}
    if site.baseline is not None:
        gates["baseline"] = f"{site.baseline.value!r} of {site.baseline.digest}"

    def deed(folder: Path, meter: Meter) -> Work:
        with meter.lane("input"):
            found = _committed(site, states, receipts)
        with meter.lane("compute"):
            board = _board(site, found.evidence)
        with meter.lane("write"):
            write_text(folder / "gates.json", to_json(board))
        with meter.lane("validate"):
            request = _request(site, states, found, board, Metered(site.executor, meter), folder)
            outcome = validate.run_validation(request)
        return Work(rng_draws=dict(outcome.draws))

    return Task("S5", validate.__name__, packs | datasets | gates, site.world.arrivals, deed, linkable=False)


@dataclass(frozen=True, slots=True)
class _Committed:
    """What S5 looks at, from committed files alone."""

    evidence: Mapping[str, Evidence]
    inputs: Mapping[str, Input]
    catalogue: pl.DataFrame
    upstream: Upstream


def _committed(site: Site, states: Sequence[RowState], receipts: Mapping[str, StateReceipt]) -> _Committed:
    inputs = {n: input_of(site.run, d) for r in receipts.values() for n, d in r.datasets.items()}
    evidence = {s.name: read_state_evidence(site.run, s) for s in states}
    return _Committed(evidence, inputs, read_parts(inputs[CAMPAIGNS.name].paths()), _upstream(site))


def _request(
    site: Site, states: Sequence[RowState], found: _Committed, board: GateBoard, executor: Executor, folder: Path
) -> ValidationRequest:
    return ValidationRequest(
        axes=site.axes,
        draws=site.draws,
        policy=site.job.policy,
        states=states,
        evidence=found.evidence,
        inputs=found.inputs,
        catalogue=found.catalogue,
        world=site.world,
        upstream=found.upstream,
        board=board,
        audit=site.job.knobs["S5"].audit,
        executor=executor,
        folder=folder,
    )


def validation_status(run: RunFolder, axes: Axes) -> str:
    """Overall status of the committed S5 report; where it is not PASS, with the checks that failed."""
    report = run.path / f"data/layer3/6B/validation/manifest_fingerprint={axes.manifest_fingerprint}" / STATUS_FILE
    plain = json.loads(report.read_text(encoding="utf-8"))
    failed = [c["check_id"] for c in plain["checks"] if c["result"] != "PASS"]
    return f"{plain['overall_status']} ({', '.join(failed)})" if failed else str(plain["overall_status"])


def _board(site: Site, evidence: Mapping[str, Evidence]) -> GateBoard:
    thresholds = load_thresholds(site.job.gates)
    return evaluate(evidence, site.job.policy, thresholds, site.run.run_id, site.axes.seed, site.baseline)


def _upstream(site: Site) -> Upstream:
    world = site.axes.manifest_fingerprint
    layer = site.run.path / "data/layer3/6B"
    receipt = layer / f"s0_gate_receipt/manifest_fingerprint={world}/s0_gate_receipt_6B.json"
    sealed = layer / f"sealed_inputs/manifest_fingerprint={world}/sealed_inputs_6B.json"
    return Upstream(
        root=site.world.root,
        receipt=json.loads(receipt.read_text(encoding="utf-8")),
        sealed=json.loads(sealed.read_text(encoding="utf-8")),
        arrivals=site.world.arrivals,
        arrival_key_sum=site.world.arrival_key_sum,
    )
