"""MLflow's own UI on the store: started, waited for, and stopped with the command that started it."""

from __future__ import annotations

import ipaddress
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import IO, Final

import psutil

from seg6b.errors import ResourceRefused
from seg6b.tracking.settings import MLflowSettings
from seg6b.tracking.store import quiet_environment

LOOPBACK: Final = "127.0.0.1"
_START_S: Final = 120.0
_STOP_S: Final = 10.0
_LOOK_S: Final = 0.1
_ANYWHERE: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - names the address, binds nothing


@dataclass(frozen=True, slots=True)
class Served:
    """A server that answers.

    Attributes:
        url: where a browser on this machine finds it.
        process: the server.
    """

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def served(settings: MLflowSettings, host: str = LOOPBACK, port: int = 0) -> Iterator[Served]:
    """Run MLflow's UI until the block ends, however it ends.

    Args:
        settings: the store; its address is handed over in the environment, not on the command line.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.

    Raises:
        ResourceRefused: the port is taken, the address is not this machine's, or the server did not come up.
    """
    chosen = _free_port(host, port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(chosen), "--workers", "1"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(  # noqa: S603 - MLflow's own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(settings),
            start_new_session=True,
        )
        try:
            _wait(process, host, chosen, log)
            yield Served(base_url(host, chosen), process)
        finally:
            _stop(process)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    >>> is_loopback("127.0.0.1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def base_url(host: str, port: int) -> str:
    """Address of a server for a browser on this machine.

    >>> base_url("0.0.0.0", 5000), base_url("::1", 5000)
    ('http://127.0.0.1:5000', 'http://[::1]:5000')
    """
    name = _ANYWHERE.get(host, host)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _environment(settings: MLflowSettings) -> dict[str, str]:
    """No telemetry, no job runners, and nothing of a run, store or server that the caller has in mind."""
    quiet_environment()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("_MLFLOW", "MLFLOW_TRACKING"))}
    return kept | {"MLFLOW_BACKEND_STORE_URI": settings.store_uri, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def _free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0, once it was seen that it can be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        raise _refusal("the UI cannot listen there", f"{host}:{port}", str(error), "Try --port 0.") from error


def _wait(process: subprocess.Popen[bytes], host: str, port: int, log: IO[bytes]) -> None:
    """Until the server answers."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        if _answers(_ANYWHERE.get(host, host), port):
            return
        time.sleep(_LOOK_S)
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["nothing"]
    raise _refusal("MLflow's UI did not come up", f"{host}:{port}", lines[-1][:200], "Look at its message.")


def _answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM to the server, then an end to whatever of it is left."""
    with suppress(psutil.NoSuchProcess):
        family = [*psutil.Process(process.pid).children(recursive=True)]
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        for left in psutil.wait_procs(family, timeout=1.0)[1]:
            with suppress(psutil.NoSuchProcess):
                left.kill()
    if process.poll() is None:
        process.kill()
    process.wait()


def _refusal(what: str, where: str, value: str, hint: str) -> ResourceRefused:
    return ResourceRefused("E_UI_SERVER", what, where, value, "", hint)
