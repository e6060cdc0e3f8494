"""First draws of each family, against an implementation in plain integers that shares no code."""

import hashlib

import numpy as np
import pytest

from seg6b.draws.mix import draw, entity1, entity2, id64
from seg6b.draws.uniform import Draws

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
AXES = ("c8fd43cd60ce0ede0c63d2ceb4610f167c9b107e1d59b9b8c7d7b8d0028b05c8", 42, "baseline_v1")
FAMILIES = (
    "entity_attach",
    "session_boundary",
    "flow_shape",
    "amount_draw",
    "event_timing",
    "campaign_activation",
    "campaign_targeting",
    "overlay_mutation",
    "truth_label_ambiguity",
    "detection_delay",
    "dispute_delay",
    "chargeback_delay",
    "case_timeline",
)


def plain_mix(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def plain_fold(h: int, key: int) -> int:
    return plain_mix(((h ^ key) * GOLDEN + key) & MASK)


def plain_text(*parts) -> int:
    raw = b"".join(len(str(p).encode()).to_bytes(4, "little") + str(p).encode() for p in parts)
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


def plain_unit(word: int) -> float:
    top = word >> 11
    return top * 2.0**-53 if top else 2.0**-54


@pytest.mark.parametrize("family", FAMILIES)
def test_a_draw_is_the_function_it_says(family):
    key = Draws(*AXES).key(family, "DECISION")
    assert int(key) == plain_text("draw", *AXES, family, "DECISION")
    for a, b in ((1, 1), (2**63 - 1, 7), (123456789, 2**40)):
        entity = plain_fold(plain_fold(0, a), b)
        assert int(entity2(a, b)) == entity
        assert draw(np.uint64(entity), key) == plain_unit(plain_mix(entity ^ int(key)))


def test_an_id_is_positive_and_the_function_it_says():
    domain = Draws(*AXES).id_domain("flow_id")
    for a in (1, 17, 2**62):
        expected = 1 + plain_mix(plain_fold(0, a) ^ int(domain)) % ((1 << 63) - 1)
        assert id64(entity1(a), domain) == expected > 0


GOLDEN_FIRST = {
    "entity_attach": 0.0620728450046496,
    "session_boundary": 0.6738380896312393,
    "flow_shape": 0.4133957166975428,
    "amount_draw": 0.28714634077111745,
    "event_timing": 0.8482987453104407,
    "campaign_activation": 0.6581805022711256,
    "campaign_targeting": 0.6302790363768993,
    "overlay_mutation": 0.5150698761930796,
    "truth_label_ambiguity": 0.8405481961386077,
    "detection_delay": 0.8884571247620426,
    "dispute_delay": 0.9298437589349994,
    "chargeback_delay": 0.15297298106454338,
    "case_timeline": 0.3539991224297554,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_golden_first_draws(family):
    assert draw(entity2(1, 1), Draws(*AXES).key(family, "FIRST")) == GOLDEN_FIRST[family]
