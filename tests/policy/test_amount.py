import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from seg6b.datasets import vocabulary as v
from seg6b.draws.choice import sample_all
from seg6b.draws.mix import draw_all, entities1, text64
from seg6b.policy import amount
from seg6b.policy.laws import Bounded, Lognormal

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy" / "amount"
N = 200_000


def plain(variant):
    return yaml.safe_load((CONF / f"{variant}.yaml").read_text())


def load(data):
    return TypeAdapter(amount.Model).validate_json(json.dumps(data))


def uniform(name, n=N):
    return draw_all(entities1(np.arange(n, dtype=np.int64)), text64("test", name))


def drawn(pack, family):
    """Amounts of one family, every class and segment as likely as the next, a party an amount."""
    sampler = pack.sampler(family)
    values = sample_all(*sampler.arrays, uniform(family))
    if isinstance(pack, amount.Conditioned):
        factors = np.array([[pack.location_shift.factor(c, s) for s in amount.SEGMENTS] for c in amount.CLASSES])
        at = (uniform("class") * 8).astype(int), (uniform("segment") * 17).astype(int)
        habit = sample_all(*pack.party_habit.law().sampler().arrays, uniform("habit"))
        tail = uniform(family) >= sampler.atom_mass
        values = np.where(tail, values * factors[at] * habit, values)
    return np.rint(values)


def test_names_are_those_of_the_contract():
    assert amount.FAMILIES == v.AMOUNT_FAMILIES
    assert (*amount.CLASSES, v.UNKNOWN) == v.CLASSES
    assert amount.SEGMENTS == v.SEGMENTS


@pytest.mark.parametrize("variant", ["full", "bplus"])
@pytest.mark.parametrize(
    ("family", "median", "p95", "ratio", "points"),
    [
        ("PURCHASE", (300, 8_000), (5_000, 250_000), (10, 250), 0.20),
        ("CASH_WITHDRAWAL", (2_000, 40_000), (20_000, 250_000), (2, 50), 0.60),
        ("TRANSFER", (1_000, 25_000), (10_000, 500_000), (5, 200), 0.0),
    ],
)
def test_laws_meet_the_published_targets(variant, family, median, p95, ratio, points):
    pack = load(plain(variant))
    p50, high, top = np.quantile(drawn(pack, family), [0.5, 0.95, 0.99])
    assert median[0] <= p50 <= median[1]
    assert p95[0] <= high <= p95[1]
    assert ratio[0] <= top / p50 <= ratio[1]
    assert pack.point_mass(family) >= points


def test_shifts_keep_the_middle_of_the_law():
    before, after = (np.median(drawn(load(plain(variant)), "TRANSFER")) for variant in ("full", "bplus"))
    assert after == pytest.approx(before, rel=0.10)


def test_a_party_has_one_habit_around_one():
    sampler = load(plain("bplus")).party_habit.law().sampler()
    habit = sample_all(*sampler.arrays, uniform("habit"))
    assert np.median(habit) == pytest.approx(1.0, rel=0.01)
    assert np.log(habit).std() == pytest.approx(0.6, rel=0.02)
    assert np.exp(-1.8) <= habit.min() <= habit.max() <= np.exp(1.8) * (1 + 1e-9)


def test_an_unknown_class_has_no_shift_of_its_own():
    shift = load(plain("bplus")).location_shift
    assert shift.factor(v.UNKNOWN, "RETAIL_STUDENT") == pytest.approx(np.exp(-0.20))
    assert shift.factor("travel_hospitality", "RETAIL_STUDENT") == pytest.approx(np.exp(0.10))


def test_families_cover_the_channels():
    pack = load(plain("full"))
    assert [pack.family_of(c) for c in v.CHANNELS] == [
        "PURCHASE", "PURCHASE", "CASH_WITHDRAWAL", "TRANSFER", "PURCHASE",
    ]  # fmt: skip


def test_point_masses():
    full, lean = load(plain("full")), load(plain("lean"))
    assert [full.point_mass(f) for f in amount.FAMILIES] == [0.32, 0.70, 0.0]
    assert lean.point_mass("PURCHASE") == 1.0
    assert lean.sampler("TRANSFER").atom_values.tolist() == plain("full")["families"]["PURCHASE"]["points"]["values"]


def test_the_published_purchase_law_has_its_computed_quantiles():
    points = amount.PricePoints(mass=0.32, values=plain("lean")["points"])
    law = amount.Family(channels=["ECOM"], points=points, tail=Lognormal(law="LOGNORMAL_V1", mu=7.25, sigma=0.95))
    values = np.rint(sample_all(*law.law().sampler().arrays, uniform("published")))
    assert np.quantile(values, [0.5, 0.95]).tolist() == [1499, 9999]
    assert np.quantile(values, 0.99) == pytest.approx(11_164, rel=0.02)


PURCHASE = "families.PURCHASE"
REFUSALS = {
    "a family without a law": ("families.TRANSFER", None, "no law for families ['TRANSFER']"),
    "an unknown family": ("families.FEES", {"channels": ["ECOM"]}, "Input should be 'PURCHASE'"),
    "a channel in two families": (f"{PURCHASE}.channels", ["ECOM", "POS", "HYBRID", "ATM"], "each of"),
    "a channel in no family": (f"{PURCHASE}.channels", ["ECOM", "POS"], "families cover channels"),
    "no tail for the rest": (f"{PURCHASE}.tail", None, "a tail is needed"),
    "points that repeat": (f"{PURCHASE}.points.values", [199, 199], "ascend without repeats"),
    "no points": (f"{PURCHASE}.points.values", [], "at least 1 item"),
    "a point below one unit": (f"{PURCHASE}.points.values", [0, 5], "greater than or equal to 1"),
    "a point above the bound": (f"{PURCHASE}.points.values", [250_000_001], "lie outside"),
    "a mass above 1": (f"{PURCHASE}.points.mass", 1.2, "less than or equal to 1"),
    "points without mass": (f"{PURCHASE}.points.mass", 0.0, "greater than 0"),
    "no spread": (f"{PURCHASE}.tail.sigma", 0.0, "greater than 0"),
    "an infinite location": (f"{PURCHASE}.tail.mu", float("inf"), "Input should be"),
    "a jitter above one per cent": ("cross_events.clearing_jitter", 0.02, "less than or equal to 0.01"),
    "fractions out of order": ("cross_events.partial_refund", {"low": 0.9, "high": 0.1}, "must be below high"),
    "a refund of more than was cleared": ("cross_events.partial_refund.high", 1.1, "less than or equal to 1"),
    "an unshifted class": ("location_shift.merchant_class.office_hours", None, "no shift for ['office_hours']"),
    "an unshifted segment": ("location_shift.party_segment.RETAIL_VALUE", None, "no shift for ['RETAIL_VALUE']"),
    "a shift that is not small": ("location_shift.merchant_class.office_hours", 0.6, "less than or equal to 0.5"),
    "a habit without spread": ("party_habit.sigma", 0.0, "greater than 0"),
}


@pytest.mark.parametrize(("path", "value", "message"), REFUSALS.values(), ids=REFUSALS)
def test_refusals(path, value, message):
    data = deepcopy(plain("bplus"))
    *parents, last = path.split(".")
    at = data
    for parent in parents:
        at = at[parent]
    if value is None:
        del at[last]
    else:
        at[last] = value
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(amount.Model).validate_json(json.dumps(data).replace("Infinity", '"inf"'))
    assert message in str(refused.value)


def test_a_family_is_its_bounded_law():
    law = load(plain("full")).families["TRANSFER"].law()
    assert isinstance(law, Bounded)
    assert (law.min, law.max, law.atom_mass) == (1.0, 250_000_000.0, 0.0)
