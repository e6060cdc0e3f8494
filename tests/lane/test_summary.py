import json
import shutil
from dataclasses import replace

import pytest

from seg6b.errors import Damaged, EvidenceMissing
from seg6b.lane import summary as gathering
from seg6b.lane.boards import build_plan_budgets
from seg6b.lane.ladder import Place
from seg6b.lane.summary import gather_summary, read_hotspots
from seg6b.render.baseline_files import write_baseline
from seg6b.render.popt import summary_html
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder, runs_root
from seg6b.runs.ledger import append
from seg6b.runs.sweep import CONTROL
from seg6b.runs.sweep_folder import SweepFolder, create_sweep, sweep_id_of
from seg6b.scoring.baseline import runtime_baseline
from seg6b.scoring.facts import run_facts
from seg6b.settings.job import ClosureRule, Lane
from tests.render.closures import closure
from tests.scoring.sweeps import sweep

LANE = "POPT.2U"


@pytest.fixture
def walked(tiny_run, tmp_path, monkeypatch):
    """A root with a finished run as runtime baseline, and a closed sweep of POPT.2U in its place."""
    monkeypatch.setattr(gathering, "LADDER", ("popt0", "popt2r", "popt2u"))
    monkeypatch.setattr(gathering, "WORTH", ())
    only_json = shutil.ignore_patterns("*.parquet", "*.html", "*.npz")
    shutil.copytree(tiny_run, runs_root(tmp_path) / tiny_run.name, ignore=only_json)
    run = RunFolder.of(tmp_path, tiny_run.name)
    lane = Lane("POPT.0", kind="baseline", closure=ClosureRule("runtime", unlocks="GO_POPT.1"))
    write_baseline(runtime_baseline(run, lane, build_plan_budgets()), tmp_path / "reports")
    body = {"lane": "POPT.0", "run_id": run.run_id, "decision": "KEEP", "marker": "GO_POPT.1", "reasons": ["hotspots"]}
    append(tmp_path, "closure", body)
    close_sweep(tmp_path, run)
    return tmp_path


def close_sweep(root, run):
    receipt = run.receipt()
    made = sweep(lane=LANE, arrivals=int(receipt.world["arrivals"]), seed=receipt.seed)
    made = replace(made, sweep_id=sweep_id_of(made))
    create_sweep(root, made)
    one = run_facts(run, arm=CONTROL, set_index=1, round_index=1)
    others = tuple(replace(one, arm="c01", elapsed_s={**one.elapsed_s, "S4": s}) for s in (3.0, 1.0, 2.0))
    warm_up = replace(one, round_index=0, elapsed_s={**one.elapsed_s, "S4": 99.0})
    found = closure(lane=LANE, sweep_id=made.sweep_id, runs=(warm_up, one, *others), arms=closure().arms[:1])
    write_json(SweepFolder.of(root, made.sweep_id).closure_path, found)
    told = {"lane": LANE, "sweep_id": made.sweep_id, "decision": "KEEP", "marker": "UNLOCK_POPT.3_CONTINUE"}
    append(root, "closure", {**told, "reasons": ["c01 is faster"], "overrides": ["a rehearsal"], "run_id": ""})


def test_lanes_stand_in_order_with_what_was_decided(walked):
    found = gather_summary(walked)
    assert [(lane.lane, lane.decision, lane.marker) for lane in found.lanes] == [
        ("POPT.0", "KEEP", "GO_POPT.1"), ("POPT.2R", "", ""), (LANE, "KEEP", "UNLOCK_POPT.3_CONTINUE"),
    ]  # fmt: skip
    assert found.lanes[1].control is None
    assert found.lanes[2].overrides == ("a rehearsal",)
    assert any("4070.62" in line for line in found.lanes[1].history)
    summary_html(found)


def test_costs_are_medians_of_timed_runs_and_peaks_of_receipts(walked):
    found = gather_summary(walked)
    (lane,) = (lane for lane in found.lanes if lane.lane == LANE)
    state = RunFolder.of(walked, found.run_id).state("S4")
    parts = sum(len(d.parts) for d in state.datasets.values())
    assert lane.control.elapsed_s == state.elapsed_s["total"]
    assert (lane.control.peak_rss_mb, lane.control.parts) == (state.peak_rss_mb, parts)
    (arm,) = lane.arms
    assert (arm.cost.elapsed_s, arm.cost.parts) == (2.0, parts)
    assert "s4.event_labels=fused" in lane.strategies


def test_the_baseline_is_taken_apart(walked):
    found = gather_summary(walked)
    assert [state.state for state in found.states] == ["S1", "S2", "S3", "S4", "S5"]
    assert all(state.status in {"GREEN", "AMBER", "RED"} for state in found.states)
    whole = sum(state.cost.elapsed_s for state in found.states)
    assert found.lanes[0].control.elapsed_s == pytest.approx(whole)
    assert sum(spot.elapsed_s for spot in found.hotspots) == pytest.approx(whole)
    for spot in found.hotspots:
        assert sum(spot.lanes.values()) + spot.residual == pytest.approx(1.0, abs=0.02)


def test_a_run_that_is_gone_costs_its_memory_not_the_page(walked):
    found = gather_summary(walked)
    folder = next(iter((walked / "mlruns" / "sweeps").glob("*/closure.json")))
    plain = json.loads(folder.read_text())
    for run in plain["runs"]:
        run["run_id"] = "e" * 32
    folder.write_text(json.dumps(plain))
    (lane,) = (lane for lane in gather_summary(walked).lanes if lane.lane == LANE)
    assert lane.control.peak_rss_mb is None
    assert lane.control.elapsed_s == found.lanes[2].control.elapsed_s


def test_telling_again_tells_the_same(walked):
    assert gather_summary(walked) == gather_summary(walked, Place(gather_summary(walked).arrivals))


def test_without_a_baseline_there_is_nothing_to_tell(walked, tmp_path_factory):
    for root, place in ((tmp_path_factory.mktemp("empty"), None), (walked, Place(7))):
        with pytest.raises(EvidenceMissing, match="E_POPT_EMPTY"):
            gather_summary(root, place)


def test_a_hotspot_map_may_have_any_lanes_and_its_residual_among_them(tmp_path):
    lanes = [{"lane": "compute", "share": 0.5}, {"lane": "waiting", "share": 0.25}, {"lane": "residual", "share": 0.25}]
    path = tmp_path / "map.json"
    path.write_text(json.dumps({"states": [{"state": "S1", "elapsed_s": 2.0, "lanes": lanes}]}))
    (spot,) = read_hotspots(path)
    assert (spot.lanes, spot.residual) == ({"compute": 0.5, "waiting": 0.25}, 0.25)
    assert read_hotspots(tmp_path / "none.json") == ()


@pytest.mark.parametrize("text", ["{", "{}", '{"states": [{"state": "S1"}]}', '{"states": 7}'])
def test_a_damaged_hotspot_map_is_refused_by_name(tmp_path, text):
    path = tmp_path / "map.json"
    path.write_text(text)
    with pytest.raises(Damaged, match=r"E_POPT_HOTSPOTS.*map.json"):
        read_hotspots(path)
