import polars as pl
import pytest

from seg6b.world.provide import WorldSettings, provide
from seg6b.world.shape.report import PUBLISHED, _compare, read_published, shape_report


@pytest.fixture(scope="module")
def default(worlds):
    return provide(WorldSettings("default", 250_000, 1), worlds)


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_the_default_world_has_the_published_shape(worlds, seed):
    items = shape_report(provide(WorldSettings("default", 250_000, seed), worlds))
    assert [i for i in items if not i.ok] == []
    assert sum(i.judged for i in items) > 130


def test_the_tiny_world_has_it_too(tiny):
    assert [i for i in shape_report(tiny) if not i.ok] == []


def test_every_item_is_measured(default):
    unmeasured = [i.item for i in shape_report(default) if i.measured is None]
    assert unmeasured == ["distinct_instruments_seen"]


def test_an_item_outside_its_tolerance_is_not_ok(default, tmp_path):
    path = tmp_path / "published.yaml"
    path.write_text(
        "items:\n  class_share.online_24h: {published: 0.3, within: 0.01}\n  countries: {published: 77, within: 0}\n"
    )
    assert [(i.item, i.ok) for i in shape_report(default, path)] == [
        ("class_share.online_24h", False),
        ("countries", True),
    ]


@pytest.mark.parametrize(
    ("rule", "measured", "arrivals", "judged", "ok"),
    [
        ({"published": 1.0, "within": 0.1}, 1.1, 250_000, True, True),
        ({"published": 1.0, "within": 0.1}, 1.11, 250_000, True, False),
        ({"published": 1.0, "within": 0.1, "small": 0.5}, 1.4, 249_999, True, True),
        ({"published": 1.0, "within": 0.1, "from": 1000}, 9.0, 999, False, True),
        ({"published": 1.0, "judge": False}, 9.0, 10**9, False, True),
        ({"published": 20, "most": True}, 20.0, 10**6, True, True),
        ({"published": 20, "most": True}, 21.0, 10**6, True, False),
        ({"published": 1.0, "within": 0.1}, None, 250_000, True, False),
    ],
)  # fmt: skip
def test_tolerances(rule, measured, arrivals, judged, ok):
    item = _compare("x", rule, measured, arrivals)
    assert (item.judged, item.ok) == (judged, ok)


def test_the_file_of_published_figures_is_whole():
    rules = read_published(PUBLISHED)
    assert len(rules) > 140
    assert all(
        {"published"} <= set(rule) <= {"published", "within", "small", "from", "judge", "most", "note"}
        for rule in rules.values()
    )


def test_a_broken_file_of_figures_is_named(default, tmp_path):
    path = tmp_path / "published.yaml"
    path.write_text("items: [1, 2]")
    with pytest.raises(Exception, match=r"E_WORLD_SHAPE_FILE: the published figures cannot be read.*published.yaml"):
        shape_report(default, path)


def test_arrivals_follow_where_parties_live(default):
    """Home demand of a country can be carried by its parties: at most a third more than everywhere."""
    from seg6b.datasets import world_tables as w
    from seg6b.datasets.parts import read_parts

    seeds = default.table(w.MERCHANT_SEEDS)
    demand = (
        read_parts(default.arrival_parts(), ["merchant_id"]).join(seeds, on="merchant_id")
        .group_by(country=pl.col("home_country_iso").cast(pl.String)).len("arrivals")
    )  # fmt: skip
    linked = default.table(w.IP_LINKS)["party_id"].drop_nulls().unique()
    people = default.table(w.PARTIES).filter(pl.col("party_id").is_in(linked.implode()))
    supply = people.group_by(country=pl.col("country_iso").cast(pl.String)).len("parties")
    load = (
        demand.join(supply, on="country")
        .filter(pl.col("parties") >= 20)
        .with_columns(load=pl.col("arrivals") / pl.col("parties"))
    )
    assert load["load"].max() < 1.33 * 119.35
    assert load["load"].min() > 0.7 * 119.35
