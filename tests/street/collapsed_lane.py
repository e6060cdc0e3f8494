"""The lane's command, with the collapse of lane 2T put into one arm: the campaign default is lost, and S4 is faster.

python collapsed_lane.py sweep OVERRIDE…   a sweep whose runs come back to this file
python collapsed_lane.py slot OVERRIDE…    one run: the candidate without its campaigns, any other with S4 twice as long
"""

from __future__ import annotations

import sys
import time

import numpy as np

from seg6b.lane import bench, entry
from seg6b.states import pipeline
from seg6b.states.s4_labels import state


def main(mode, *overrides):
    if mode == "sweep":
        bench.run_sweep.__kwdefaults__["command"] = (sys.executable, __file__, "slot")
    elif "arm.name=c01" in overrides:
        lose_campaigns()
    else:
        take_twice_as_long()
    sys.argv = ["seg6b.lane", *overrides]
    entry.main()


def lose_campaigns():
    read = state.flow_arrays

    def without(anchor):
        flows = read(anchor)
        return flows._replace(pattern=np.zeros_like(flows.pattern))

    state.flow_arrays = without


def take_twice_as_long():
    work = pipeline.S4.run

    def slowed(ctx):
        begun = time.perf_counter()
        work(ctx)
        time.sleep(time.perf_counter() - begun)

    object.__setattr__(pipeline.S4, "run", slowed)


if __name__ == "__main__":
    main(*sys.argv[1:])
