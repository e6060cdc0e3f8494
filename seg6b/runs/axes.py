"""The four axes on which every published row lives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Axes:
    """World, policy, seed, scenario; they live in the path alone, never in a file or a digest."""

    manifest_fingerprint: str
    parameter_hash: str
    seed: int
    scenario_id: str

    def folder(self, dataset: str) -> str:
        """Relative folder of a dataset: `data/layer3/6B/<dataset>/seed=…/…/scenario_id=…`."""
        return (
            f"data/layer3/6B/{dataset}/seed={self.seed}/parameter_hash={self.parameter_hash}/"
            f"manifest_fingerprint={self.manifest_fingerprint}/scenario_id={self.scenario_id}"
        )
