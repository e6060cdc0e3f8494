"""A stop reaches the command wherever it falls."""

from __future__ import annotations

import subprocess
import sys

import pytest

DROPPED = """
import ctypes, signal, sys, time
from seg6b.lane.stop import Terminated, exit_code, listen

class Falls:
    def __del__(self):
        signal.raise_signal(signal.{number})

@ctypes.CFUNCTYPE(None)
def called_back():
    signal.raise_signal(signal.{number})

listen()
try:
    {place}
    time.sleep(20)
except KeyboardInterrupt as stop:
    sys.exit(exit_code(stop))
"""


HALF_MADE = """
import signal, sys
from seg6b.lane.stop import exit_code, listen

class HalfMade:
    def __init__(self):
        signal.raise_signal(signal.SIGINT)
        self.pointer = 1
    def __del__(self):
        self.pointer

listen()
try:
    HalfMade()
except KeyboardInterrupt as stop:
    print("Interrupted.", file=sys.stderr)
    code = exit_code(stop)
    del stop
sys.exit(code)
"""


def test_what_a_stop_leaves_half_made_is_not_heard_of():
    done = subprocess.run([sys.executable, "-c", HALF_MADE], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
@pytest.mark.parametrize("place", ["Falls()", "called_back()", "[signal.raise_signal(signal.{number})]"])
def test_a_stop_is_not_lost_where_nobody_can_be_told(number, place):
    script = DROPPED.format(number=number, place=place.format(number=number))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == {"SIGTERM": 143, "SIGINT": 130}[number]
    assert done.stderr == ""
