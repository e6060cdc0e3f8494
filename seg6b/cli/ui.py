"""`seg6b ui`: MLflow's own UI on the store, with the address that compares candidate and authority."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from seg6b.cli.options import AsJson, Root, StoreUri
from seg6b.errors import EvidenceMissing
from seg6b.tracking.compare import choose_pair, compare_address, experiments_address
from seg6b.tracking.index import Index, take_index
from seg6b.tracking.serve import LOOPBACK, base_url, is_loopback, served
from seg6b.tracking.settings import MLflowSettings

Host = Annotated[
    str, typer.Option("--host", help="Address to listen on; the default is reached from this machine alone.")
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")]
Run = Annotated[str, typer.Option("--run", help="Candidate: a run id or its beginning; left out: the newest one.")]
NoServe = Annotated[bool, typer.Option("--no-serve", help="Print the addresses and start nothing.")]


@dataclass(frozen=True, slots=True)
class Addresses:
    """What the command prints.

    Attributes:
        url: list of experiments.
        compare_url: candidate against authority; None where there is nothing to compare.
        pid: process id of the server; None where none was started.
        note: why there is nothing to compare; empty where there is.
    """

    url: str
    compare_url: str | None
    pid: int | None
    note: str = ""


def ui(
    root: Root = Path(),
    host: Host = LOOPBACK,
    port: Port = 5000,
    run: Run = "",
    uri: StoreUri = "",
    *,
    no_serve: NoServe = False,
    as_json: AsJson = False,
) -> None:
    """Start MLflow's UI on the store and print where candidate and authority stand side by side; Ctrl-C ends it."""
    base = root.resolve()
    settings = MLflowSettings(base, uri=uri)
    index = take_index(settings)
    if no_serve or uri.startswith(("http://", "https://")):
        address = uri.rstrip("/") if uri.startswith("http") else base_url(host, port)
        _say(_addresses(base, index, address, run, None), as_json=as_json)
        return
    if not is_loopback(host):
        typer.echo(f"Whoever reaches {host} can read and change the store.", err=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    with suppress(KeyboardInterrupt), served(settings, host, port) as server:
        _say(_addresses(base, index, server.url, run, server.process.pid), as_json=as_json)
        server.process.wait()
        typer.echo("MLflow's UI has ended by itself.", err=True)
        raise typer.Exit(1)


def _addresses(root: Path, index: Index, address: str, run: str, pid: int | None) -> Addresses:
    try:
        compared, note = compare_address(address, index, choose_pair(root, run)), ""
    except EvidenceMissing as missing:
        compared, note = None, str(missing)
    return Addresses(experiments_address(address), compared, pid, note)


def _say(said: Addresses, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(said), indent=2))
        return
    typer.echo(f"experiments            {said.url}")
    if said.compare_url:
        typer.echo(f"candidate, authority   {said.compare_url}")
    else:
        typer.echo(said.note, err=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt(number, frame)
