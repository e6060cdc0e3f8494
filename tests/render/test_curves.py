import pytest

from seg6b.policy.laws import Bounded
from seg6b.render.curves import curve


def test_curve_runs_from_zero_to_one():
    drawn = curve(
        Bounded.model_validate_json(
            '{"min": 60.0, "max": 86400.0, "tail": {"law": "LOGNORMAL_V1", "mu": 8.0, "sigma": 1.0}}'
        )
    )
    assert drawn.p[0] == pytest.approx(0.0, abs=1e-6)
    assert drawn.p[-1] == 1.0
    assert list(drawn.p) == sorted(drawn.p)
    assert (drawn.x[0], drawn.x[-1]) == (pytest.approx(60.0), pytest.approx(86_400.0))


def test_atom_is_a_step():
    law = '{"min": 60.0, "max": 86400.0, "atom_mass": 0.3, "atoms": {"values": [300.0], "probs": [1.0]}, "tail": {"law": "LOGNORMAL_V1", "mu": 8.0, "sigma": 1.0}}'
    drawn = curve(Bounded.model_validate_json(law))
    at = drawn.x.index(300.0)
    assert drawn.p[at] - drawn.p[at - 1] == pytest.approx(0.3, abs=1e-4)
