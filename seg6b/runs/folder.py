"""The run folder: where everything of one run lies, and which states have happened in it."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from seg6b.errors import Damaged, UsageError
from seg6b.runs.disk import read_record, to_json, write_json
from seg6b.runs.receipt import RunReceipt, StateReceipt

_RUN_ID = re.compile(r"[0-9a-f]{32}")


def new_run_id() -> str:
    """A fresh run id: 32 lower hex, part of no key, no draw and no data path."""
    return secrets.token_hex(16)


def runs_root(root: Path) -> Path:
    """Where run folders live, below the project root."""
    return root / "mlruns" / "runs"


def checked_run_id(run_id: str) -> str:
    """`run_id`, or a usage error; so no id can leave its folder."""
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            "E_RUN_ID", "not a run id", "run_id", repr(run_id), "32 lower hex digits", "See `python -m seg6b status`."
        )
    return run_id


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run. Creating the object creates nothing."""

    path: Path

    @classmethod
    def of(cls, root: Path, run_id: str) -> RunFolder:
        """The folder of `run_id` below the project root."""
        return cls(runs_root(root) / checked_run_id(run_id))

    @property
    def run_id(self) -> str:
        """The run id that the folder is named after."""
        return self.path.name

    @property
    def receipt_path(self) -> Path:
        """`run_receipt.json`."""
        return self.path / "run_receipt.json"

    @property
    def gates_path(self) -> Path:
        """`gates.json`."""
        return self.path / "gates.json"

    @property
    def board_path(self) -> Path:
        """`gateboard.html`."""
        return self.path / "gateboard.html"

    def way_on(self) -> str:
        """How to go on when what stopped the run has been put right."""
        if not self.exists():
            return "Put that right, then run the same command again; nothing was published."
        return f"Put that right, then add run_id={self.run_id} to the same command; what was committed is kept."

    def state_path(self, state: str) -> Path:
        """`states/<state>.json`; its existence is what says that the state happened."""
        return self.path / "states" / f"{state}.json"

    def evidence_path(self, state: str) -> Path:
        """`evidence/<state>/`."""
        return self.path / "evidence" / state

    def exists(self) -> bool:
        """Whether the run has begun."""
        return self.receipt_path.exists()

    def receipt(self) -> RunReceipt:
        """The run receipt.

        Raises:
            Damaged: it cannot be read, or its fields do not have the digest that was written with them.
        """
        receipt = read_record(self.receipt_path, RunReceipt)
        if receipt.digest != receipt_digest(receipt):
            raise Damaged(
                "E_RUN_RECEIPT_DAMAGED",
                "the run receipt is not as it was written",
                str(self.receipt_path),
                receipt_digest(receipt)[:16],
                receipt.digest[:16],
                "Restore the file, or remove the damaged run.",
            )
        return receipt

    def state(self, state: str) -> StateReceipt | None:
        """Receipt of a state, None if it has not happened."""
        path = self.state_path(state)
        return read_record(path, StateReceipt) if path.exists() else None

    def write_receipt(self, receipt: RunReceipt) -> None:
        """Replace the run receipt, with its digest."""
        write_json(self.receipt_path, replace(receipt, digest=receipt_digest(receipt)))


def receipt_digest(receipt: RunReceipt) -> str:
    """SHA-256 over the receipt's canonical JSON with an empty digest."""
    return hashlib.sha256(to_json(replace(receipt, digest="")).encode()).hexdigest()


def find_runs(root: Path) -> list[RunFolder]:
    """Every run folder that has a receipt, by id."""
    folder = runs_root(root)
    if not folder.exists():
        return []
    found = [RunFolder(p) for p in sorted(folder.iterdir()) if _RUN_ID.fullmatch(p.name)]
    return [run for run in found if run.exists()]


def resolve_run(root: Path, run: str) -> RunFolder:
    """A run by id or by a unique beginning of it of at least four digits."""
    matches = [r for r in find_runs(root) if r.run_id.startswith(run)] if re.fullmatch(r"[0-9a-f]{4,32}", run) else []
    if len(matches) != 1:
        fault = "no such run" if not matches else "more than one run begins so"
        known = ", ".join(r.run_id[:8] for r in (matches or find_runs(root))[:6]) or "none"
        raise UsageError("E_RUN_UNKNOWN", fault, str(runs_root(root)), run, f"one of: {known}", "")
    return matches[0]
