"""Whether a gate passes on noise: labels and amounts of one finished run of B+, dealt at random within it.

    python benchmarks/noise.py                              # 20 deals of a default run
    python benchmarks/noise.py --deals 100 --world large
    python benchmarks/noise.py --run mlruns/runs/<run id>   # a run that is there

Three deals, each measured as the states do and judged by the run's own gate file: what the bank calls a flow (T5, T6,
T7), which campaign a flow is part of (T17, T18, X3, X4), what a purchase costs (X5). A line a gate: value and margin to
B in the run; mean, spread and best margin over the deals; how many deals passed and how many had too little to judge.
Ends with 1 where a gate passes more than one deal in twenty, or does not pass B in the run itself.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from seg6b.datasets.parts import read_parts
from seg6b.datasets.tables import BANK_VIEW, FLOWS, FLOWS_WITH_FRAUD
from seg6b.draws.uniform import Draws
from seg6b.evidence.behaviour import ORIGINS, origins
from seg6b.evidence.tables import Evidence, merged
from seg6b.gates.board_file import read_board
from seg6b.gates.evaluate import evaluate
from seg6b.gates.result import GateResult, Status
from seg6b.lane.boards import gate_file_of
from seg6b.policy.packs import load_policies
from seg6b.runs.folder import RunFolder
from seg6b.states.pipeline import S2, S3, S4
from seg6b.states.s3_overlay.plan import open_ips_of, terminals_of
from seg6b.world.sealed import SealedWorld

GATES = ("T5", "T6", "T7", "T17", "T18", "X3", "X4", "X5")
TABLES = {"S2": ("habit",), "S3": ("campaign_flows", "velocity", "origins"), "S4": ("bank", "bank_amounts")}
SHARE_OF_FAILS = 0.95


class Noise:
    """A finished run, and its gates when what they read is dealt at random."""

    def __init__(self, folder: Path) -> None:
        run = RunFolder(folder)
        board = read_board(run)
        if board is None:
            sys.exit(f"{folder}: a run without gates")
        self.receipt, self.board, self.folder = run.receipt(), board, folder
        self.policies, self.thresholds = load_policies(self.receipt.policy), gate_file_of(board)

    @cached_property
    def frames(self) -> dict[str, pl.DataFrame]:
        """Every dataset that S2, S3 and S4 read or wrote."""
        data = self.folder / "data" / "layer3" / "6B"
        names = {d.name for state in (S2, S3, S4) for d in (*state.reads, *state.writes)}
        return {name: read_parts(sorted((data / name).rglob("*.parquet"))) for name in sorted(names)}

    @cached_property
    def left_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Terminals, and carrier and public IPs: what X4 does not look at."""
        sealed = SealedWorld.open(self.folder.parents[1] / "world" / self.receipt.manifest_fingerprint)
        return terminals_of(sealed), open_ips_of(sealed)

    def judged(self, changed: Mapping[str, pl.DataFrame]) -> dict[str, GateResult]:
        """The gates with some datasets replaced, measured from rows."""
        frames = {**self.frames, **changed}
        evidence = {}
        for state in (S2, S3, S4):
            found = state.measure({d.name: frames[d.name] for d in (*state.reads, *state.writes)})
            if state is S3:
                found.put(ORIGINS, origins(frames[FLOWS_WITH_FRAUD.name], *self.left_out))
            evidence[state.name] = merged([Evidence({name: found.tables[name] for name in TABLES[state.name]})])
        board = evaluate(evidence, self.policies, self.thresholds, self.receipt.run_id, self.receipt.seed)
        return {gate: board.gates[gate] for gate in GATES}

    def dealt(self, deal: int) -> dict[str, GateResult]:
        """The gates after the n-th deal."""
        draws = Draws(self.receipt.manifest_fingerprint, deal, "noise")
        bank, overlaid, flows = (self.frames[d.name] for d in (BANK_VIEW, FLOWS_WITH_FRAUD, FLOWS))
        purchase = flows["amount_family"].cast(pl.String).eq("PURCHASE").to_numpy()
        return self.judged(
            {
                BANK_VIEW.name: shuffled(bank, ("bank_label", "is_fraud_bank_view"), draws),
                FLOWS_WITH_FRAUD.name: shuffled(overlaid, ("campaign_id", "fraud_pattern_type", "fraud_flag"), draws),
                FLOWS.name: shuffled(flows, ("amount_minor",), draws, np.flatnonzero(purchase)),
            }
        )


def shuffled(
    frame: pl.DataFrame, columns: tuple[str, ...], draws: Draws, rows: np.ndarray | None = None
) -> pl.DataFrame:
    """Columns dealt together to other rows, or to others among `rows`."""
    among = np.arange(frame.height) if rows is None else rows
    words = among.astype(np.uint64) << np.uint64(20)
    source = np.arange(frame.height)
    source[among] = among[np.argsort(draws.uniform("noise", columns[0], words), kind="stable")]
    return frame.with_columns(frame[name].gather(source) for name in columns)


def finished(root: Path, size: str) -> Path:
    """The folder of a fresh run of B+."""
    lane = [sys.executable, "-m", "seg6b.lane", f"root={root}", f"world={size}", "posture=bplus", "tracking=off"]
    done = subprocess.run(lane, capture_output=True, text=True, check=False)
    runs = list((root / "mlruns" / "runs").glob("*"))
    if len(runs) != 1 or not (runs[0] / "gates.json").exists():
        sys.exit(f"the run did not end:\n{done.stderr[-2000:]}")
    return runs[0]


def report(noise: Noise, deals: int) -> bool:
    """A line a gate; whether every gate passes in the run and fails in the deals."""
    boards = [noise.dealt(deal) for deal in range(deals)]
    head = f"{'gate':5} {'run':>9} {'margin':>9} {'mean':>10} {'sd':>9} {'best':>9}  {'failed':>7} {'too little':>10}"
    print(f"{deals} deals of run {noise.receipt.run_id[:8]}, gate file {noise.board.gate_file}\n{head}")
    good = True
    for gate in GATES:
        run, found = noise.board.gates[gate], [board[gate] for board in boards]
        values = np.array([g.value for g in found if g.value is not None])
        best = max((g.b_margin for g in found if g.b_margin is not None), default=float("nan"))
        failed = sum(g.b is not Status.PASS for g in found)
        lacking = sum(g.b is Status.INSUFFICIENT for g in found)
        held = run.b is Status.PASS and failed >= SHARE_OF_FAILS * deals
        good &= held
        print(
            f"{gate:5} {run.value:9.4f} {run.b_margin:9.4f} {values.mean():10.6f} {values.std():9.6f} {best:9.4f}  "
            f"{failed:3}/{deals:<3} {lacking:10} {'' if held else 'NOT HELD'}"
        )
    return good


def main() -> None:
    """Run B+ unless a run is given, deal, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deals", type=int, default=20)
    parser.add_argument("--world", default="default")
    parser.add_argument("--run", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        held = report(Noise((given.run or finished(Path(place), given.world)).resolve()), given.deals)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
