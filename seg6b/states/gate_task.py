"""S0 as a task: the gate over the world, the packs and the gate file of one job."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seg6b.runs.meter import Meter, Metered
from seg6b.states.execute import Site, Task, Work
from seg6b.states.s0_gate import seal as gate
from seg6b.states.s0_gate.checks import verify_world
from seg6b.states.s0_gate.seal import Sealing


def gate_task(site: Site) -> Task:
    """The task of S0; its key holds every pack and the gate file, as its receipt does."""
    packs = {name: site.job.policy.pack_hash(name) for name in site.job.policy.plain()}
    contracts = {f"gates_{site.job.gates.get('version', '')}": gate_file_hash(site.job.gates)}

    def deed(folder: Path, meter: Meter) -> Work:
        with meter.lane("validate"):
            executor = Metered(site.executor, meter)
            gate.seal(site.world, site.axes, Sealing(packs, contracts), folder, executor)
        return Work()

    parts = {f"pack.{n}": h for n, h in packs.items()} | {"gate_file": gate_file_hash(site.job.gates)}

    def sealed_world() -> None:
        verify_world(site.world, site.executor)

    return Task("S0", gate.__name__, parts, site.world.arrivals, deed, before_link=sealed_world)


def gate_file_hash(gates: Mapping[str, Any]) -> str:
    """SHA-256 of the threshold file's content."""
    return hashlib.sha256(json.dumps(gates, sort_keys=True).encode()).hexdigest()
