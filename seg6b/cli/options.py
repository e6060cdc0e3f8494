"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option("--root", help="Project root: mlruns/ and reports/ live below it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
RunId = Annotated[str, typer.Argument(help="A run id, or the beginning of one (four digits or more).")]
StoreUri = Annotated[str, typer.Option("--uri", help="Tracking store; left out: the one in mlruns/.")]
ArtifactRoot = Annotated[str, typer.Option("--artifact-root", help="Where its artifacts go; left out: its own choice.")]
