"""Where tracking goes: the store, its artifacts, and how long a silent store is waited for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class MLflowSettings:
    """Settings of the projection.

    Attributes:
        root: project root; the local store and its artifacts lie in its `mlruns/`.
        enabled: False makes every call a no-op.
        uri: tracking store; empty means SQLite at `<root>/mlruns/mlflow.db`.
        artifact_root: where artifacts go; empty means `<root>/mlruns/artifacts`, or the server's own choice.
        timeout_s: how long a locked or silent store is waited for.
    """

    root: Path
    enabled: bool = True
    uri: str = ""
    artifact_root: str = ""
    timeout_s: float = 10.0

    @property
    def store_uri(self) -> str:
        """The tracking store, with a relative SQLite path taken from `root`."""
        path = self.sqlite_path
        return self.uri if path is None else f"{_SQLITE}{path}"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file, None where the store is not one file of this machine."""
        if not self.uri:
            return self.root.absolute() / "mlruns" / "mlflow.db"
        if self.uri.startswith(_SQLITE) and "?" not in self.uri:
            return self.root.absolute() / self.uri.removeprefix(_SQLITE)
        return None

    @property
    def lock_path(self) -> Path:
        """Lock that serialises store migration, and the birth of experiments and runs."""
        return self.root.absolute() / "mlruns" / ".tracking.lock"

    def artifact_location(self, experiment: str) -> str | None:
        """Artifact location of an experiment; None leaves it to the server."""
        folder = re.sub(r"[^A-Za-z0-9._-]+", "_", experiment).lstrip(".") or "_"
        if self.artifact_root:
            return f"{self.artifact_root.rstrip('/')}/{folder}"
        if self.sqlite_path is None and not self.uri.startswith("sqlite:"):
            return None
        return (self.root.absolute() / "mlruns" / "artifacts" / folder).as_uri()
