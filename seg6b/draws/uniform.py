"""`Draws`: the uniforms and ids of one (world, seed, scenario)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seg6b.draws.mix import U64, draw_all, id64_all, text64


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of one run. A draw is a function of these axes, a family, a decision and entity keys: nothing else.

    The parameter hash, the run id and every knob are left out on purpose: two policy variants at one
    seed differ only where the policies differ.

    Attributes:
        manifest_fingerprint: the world, 64 lower hex.
        seed: the run seed.
        scenario_id: the scenario.
    """

    manifest_fingerprint: str
    seed: int
    scenario_id: str

    def key(self, family: str, decision: str) -> np.uint64:
        """The 64-bit key of one decision, to be handed to `draw(entity, key)` inside a kernel."""
        return text64("draw", self.manifest_fingerprint, self.seed, self.scenario_id, family, decision)

    def id_domain(self, tag: str) -> np.uint64:
        """The 64-bit domain of one kind of id, to be handed to `id64(entity, domain)`."""
        return text64("id", self.manifest_fingerprint, self.seed, self.scenario_id, tag)

    def uniform(self, family: str, decision: str, entities: U64) -> npt.NDArray[np.float64]:
        """One uniform in (0, 1) for each entity hash."""
        return draw_all(entities, self.key(family, decision))

    def ids(self, tag: str, entities: U64) -> npt.NDArray[np.int64]:
        """One id64 for each entity hash."""
        return id64_all(entities, self.id_domain(tag))
