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


class Stops:
    """What is done about stops; one a process.

    Attributes:
        begun: whether a stop was asked for.
    """

    def __init__(self) -> None:
        self.begun = False

    def raised(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT and SIGTERM."""
        self.begun = True
        raise Terminated(number, frame) if number == signal.SIGTERM else KeyboardInterrupt

    def dropped(self, what: sys.UnraisableHookArgs) -> None:
        """Bring back a stop that was dropped; what a stop left half-made may complain unheard.

        Loading compiled kernels calls back from C: an exception there is dropped, and with it the stop.
        """
        if isinstance(what.exc_value, KeyboardInterrupt):
            number = signal.SIGTERM if isinstance(what.exc_value, Terminated) else signal.SIGINT
            again = threading.Timer(_AGAIN_S, signal.pthread_kill, [threading.main_thread().ident, number])
            again.daemon = True
            again.start()
        elif not self.begun:
            sys.__unraisablehook__(what)


def listen() -> None:
    """Turn SIGTERM into `Terminated`; a stop that falls into a destructor or a callback from C comes again after it."""
    stops = Stops()
    signal.signal(signal.SIGTERM, stops.raised)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, stops.raised)
    sys.unraisablehook = stops.dropped


def exit_code(stop: KeyboardInterrupt) -> int:
    """128 and the number of the signal, as a shell would say it."""
    return 128 + (signal.SIGTERM if isinstance(stop, Terminated) else signal.SIGINT)
