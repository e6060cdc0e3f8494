"""The policy's own delay curves, as the board draws them."""

from __future__ import annotations

import numpy as np

from seg6b.datasets.vocabulary import DELAY_MODELS
from seg6b.gates.targets import delay_law
from seg6b.policy.laws import Bounded
from seg6b.policy.packs import Policies
from seg6b.render.data import Curve

_POINTS = 240


def policy_curves(policies: Policies) -> dict[str, Curve]:
    """CDF of each delay model in seconds, as drawn: atoms and the truncated tail together."""
    return {model: curve(delay_law(policies, model)) for model in DELAY_MODELS}


def curve(law: Bounded) -> Curve:
    """A law's CDF on a logarithmic grid over its bounds; both sides of every atom are on the grid."""
    atoms = np.array(law.atoms.values if law.atoms else [], np.float64)
    grid = np.geomspace(max(law.min, 1e-3), max(law.max, law.min, 2e-3), _POINTS)
    x = np.unique(np.concatenate([grid, atoms, atoms * (1.0 - 1e-9)]))
    return Curve(tuple(x.tolist()), tuple(law.sampler().cdf(x).round(6).tolist()))
