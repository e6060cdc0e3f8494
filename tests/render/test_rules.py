import pytest

from seg6b.gates.result import Status
from seg6b.render.rules import Zone, zone
from seg6b.render.strip import gate_strip
from tests.render.synthetic import gate_board


@pytest.mark.parametrize(
    ("rule", "value", "margin", "expected"),
    [
        (">= 0.05", 0.09, 0.04, Zone(0.05, None)),
        ("> 30", 69.0, 39.0, Zone(30.0, None)),
        ("<= 0.85", 0.7, 0.15, Zone(None, 0.85)),
        ("= 0", 0.0, 0.0, Zone(0.0, 0.0)),
        ("[0.02, 0.3]", 0.05, 0.03, Zone(0.02, 0.3)),
        ("in [0.3, 8] s", 0.7, 0.4, Zone(0.3, 8.0)),
        (">= 2/3", 1.0, 1 / 3, Zone(2 / 3, None)),
        ("lower 95 % bound >= 0.03, campaigns >= 4, median classes >= 2", 0.2, 0.15, Zone(0.03, None)),
        ("campaigns >= 4, V >= 0.03", 0.2, 0.17, Zone(0.03, None)),
        (">= 1e-3", None, None, Zone(0.001, None)),
        ("strong differentiation", 0.2, None, None),
    ],
)
def test_zone_of_a_rule(rule, value, margin, expected):
    assert zone(rule, value, margin) == expected


@pytest.mark.parametrize(
    "gate", gate_board(failing=("T5",), insufficient=("T18",)).gates.values(), ids=lambda g: g.gate_id
)
def test_strip_says_status_by_shape(gate):
    svg = str(gate_strip(gate))
    shape = {Status.PASS: "<circle", Status.FAIL: "<polygon", Status.INSUFFICIENT: "no value"}[gate.b]
    assert shape in svg
    assert 'role="img"' in svg
