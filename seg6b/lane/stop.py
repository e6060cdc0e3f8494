"""Stops by signal: SIGTERM is treated as Ctrl-C is, and neither is lost where Python has nobody to raise it to."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import Final

_AGAIN_S: Final = 0.02


class Terminated(KeyboardInterrupt):
    """SIGTERM."""


def listen() -> None:
    """Turn SIGTERM into `Terminated`; a stop that falls into a destructor or a callback from C comes again after it."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.unraisablehook = _not_lost


def exit_code(stop: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as a shell would say it."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(number, frame)


def _not_lost(dropped: sys.UnraisableHookArgs) -> None:
    """Loading compiled kernels calls back from C: an exception there is dropped, and with it the stop."""
    if not isinstance(dropped.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(dropped)
        return
    number = signal.SIGTERM if isinstance(dropped.exc_value, Terminated) else signal.SIGINT
    again = threading.Timer(_AGAIN_S, signal.pthread_kill, [threading.main_thread().ident, number])
    again.daemon = True
    again.start()
