import json

import pytest
from typer.testing import CliRunner

from seg6b.cli.world import app
from seg6b.errors import UsageError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    assert ask("make", "tiny", "--root", str(root)).exit_code == 0
    return root


def ask(*words):
    return CliRunner().invoke(app, list(words))


def test_make_says_where_the_world_is(root):
    answer = ask("make", "tiny", "--root", str(root))
    assert "tiny: 20,000 arrivals in " in answer.stdout


def test_list_and_show_agree(root):
    listed = json.loads(ask("list", "--root", str(root), "--json").stdout)
    shown = json.loads(ask("show", "tiny", "--root", str(root), "--json").stdout)
    assert [row["manifest_fingerprint"] for row in listed] == [shown["manifest"]["manifest_fingerprint"]]
    assert shown["manifest"]["arrivals"] == 20_000
    assert "arrival_events_5B" in ask("show", "tiny", "--root", str(root)).stdout
    assert listed[0]["manifest_fingerprint"][:12] in ask("list", "--root", str(root)).stdout


def test_list_of_nothing_says_what_to_do(tmp_path):
    assert "python -m seg6b world make default" in ask("list", "--root", str(tmp_path)).stdout


def test_shape_passes_and_prints_every_item(root):
    answer = ask("shape", "tiny", "--root", str(root))
    assert answer.exit_code == 0
    assert "class_share.consumer_daytime" in answer.stdout
    assert json.loads(ask("shape", "tiny", "--root", str(root), "--json").stdout)["ok"]


def test_shape_outside_its_tolerance_exits_1(root):
    assert ask("make", "tiny", "--arrivals", "2000", "--root", str(root)).exit_code == 0
    rows = json.loads(ask("list", "--root", str(root), "--json").stdout)
    smallest = min(rows, key=lambda r: r["arrivals"])
    answer = ask("shape", smallest["manifest_fingerprint"][:12], "--root", str(root))
    assert answer.exit_code == 1
    assert "OUT  " in answer.stdout


def test_make_of_another_size_and_seed(root):
    made = json.loads(ask("make", "tiny", "--arrivals", "3000", "--seed", "4", "--root", str(root), "--json").stdout)
    assert (made["arrivals"], made["seed"]) == (3_000, 4)


def test_an_unknown_name_is_bad_usage(root):
    answer = ask("make", "enormous", "--root", str(root))
    assert isinstance(answer.exception, UsageError)
    assert answer.exception.exit_code == 2
