"""The threshold file: complete, strict, versioned."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import yaml

from seg6b.errors import UsageError
from seg6b.gates.evaluate import GATES
from seg6b.gates.record import HARD
from seg6b.gates.thresholds import Above, AtLeast, AtMost, Nothing, Within, load_thresholds

FOLDER = Path(__file__).parents[2] / "conf" / "gates"
# A threshold may only change under a new version: this line is added to, never edited.
DIGESTS = {
    "v1": "7f35076a02589d67519f3b7af96933ef136b3acfa5a4725af266547ef18bc078",
    "v2": "9b1fc740a65e1c7098916a095bad9408b456c03645be5cc41b8e73b5cd24412c",
    "v3": "ef2c6abb6abdede41e1c8f90d8b04360e191696ca11bad154b7888ea3a8b2ca6",
}


@pytest.fixture
def data():
    return yaml.safe_load((FOLDER / "v1.yaml").read_text())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_version_is_pinned_by_its_digest(path):
    loaded = load_thresholds(yaml.safe_load(path.read_text()))
    assert (loaded.version, loaded.digest) == (path.stem, DIGESTS[path.stem])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["gates"].pop("T7"), "gates missing"),
        (lambda d: d["gates"].update(T23=d["gates"]["T1"]), "unknown"),
        (lambda d: d["gates"]["T5"]["bplus"].update(bound=0.04), "no looser"),
        (lambda d: d["gates"]["T14"]["bplus"].update(high=9.0), "no looser"),
        (lambda d: d["gates"]["T9"]["bplus"].update(bound=0.6), "no looser"),
        (lambda d: d["gates"]["T9"]["bplus"].update(op="at_least"), "same kind"),
        (lambda d: d["gates"]["T17"]["parts"]["campaigns"].update(bplus=3.0), "B+ floor"),
        (lambda d: d["rules"].update(class_min_flow=5), "class_min_flow"),
        (lambda d: d["rules"].pop("spikes_s"), "spikes_s"),
        (lambda d: d["gates"]["T1"]["b"].update(op="about"), "does not match any of the expected tags"),
        (lambda d: d["gates"]["T1"]["b"].update(bound="0.0"), "valid number"),
    ],
)
def test_a_faulty_file_is_refused_with_its_key(data, change, message):
    broken = copy.deepcopy(data)
    change(broken)
    with pytest.raises(UsageError) as refused:
        load_thresholds(broken)
    assert message in str(refused.value)
    assert refused.value.code == "E_GATES_INVALID"
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("limit", "inside", "outside", "words"),
    [
        (AtLeast(op="at_least", bound=0.05), 0.05, 0.0499, ">= 0.05"),
        (Above(op="above", bound=30.0), 30.1, 30.0, "> 30"),
        (AtMost(op="at_most", bound=0.5), 0.5, 0.5001, "<= 0.5"),
        (Within(op="within", low=0.3, high=8.0), 0.3, 0.2999, "[0.3, 8]"),
        (Within(op="within", low=0.3, high=8.0), 8.0, 8.01, "[0.3, 8]"),
        (Nothing(op="none"), 0.0, 1.0, "= 0"),
    ],
)
def test_limits_hold_at_their_ends(limit, inside, outside, words):
    assert limit.holds(inside)
    assert not limit.holds(outside)
    assert limit.margin(inside) >= 0 >= limit.margin(outside)
    assert limit.words() == words


def test_a_version_with_behaviour_has_all_of_it_and_one_without_keeps_its_digest(data):
    newer = yaml.safe_load((FOLDER / "v2.yaml").read_text())
    assert {k: v for k, v in newer.items() if k not in {"version", "behaviour"}} == {
        k: v for k, v in data.items() if k != "version"
    }
    del newer["behaviour"]["X4"]
    with pytest.raises(UsageError, match="X4"):
        load_thresholds(newer)
    newer["behaviour"] |= {"X4": newer["behaviour"]["X5"], "X9": newer["behaviour"]["X5"]}
    with pytest.raises(UsageError, match="X9"):
        load_thresholds(newer)


def test_version_3_narrows_intervals_and_moves_no_threshold():
    before, after = (yaml.safe_load((FOLDER / f"{v}.yaml").read_text()) for v in ("v2", "v3"))
    assert {k: v for k, v in after.items() if k not in {"version", "design_factors"}} == {
        k: v for k, v in before.items() if k != "version"
    }
    for factors in ({"T23": 0.5}, {"T1": 0.0}, {"T1": 2.1}):
        with pytest.raises(UsageError, match=r"T23|greater than 0|less than or equal to 2"):
            load_thresholds(after | {"design_factors": factors})


def test_classes_and_owners_are_the_build_plans():
    by_id = {g.gate_id: g for g in GATES}
    assert [g for g in by_id if by_id[g].kind != HARD] == ["T17", "T18", "T19", "T20"]
    assert {g.severity for g in GATES} == {"CRITICAL", "HIGH", "MED"}
    assert by_id["T21"].owner == ("S2", "S4", "S5")


def test_a_metric_of_the_cross_seed_vector_is_a_gate_or_a_part_of_one(data):
    loaded = load_thresholds(data)
    for name in loaded.cross_seed.floors:
        gate, _, part = name.partition(".")
        assert not part or part in loaded.gates[gate].parts
