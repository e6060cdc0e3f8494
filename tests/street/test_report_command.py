import json
import shutil
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from seg6b.cli.app import app
from seg6b.errors import EvidenceMissing, UsageError
from seg6b.runs.disk import write_json
from seg6b.runs.folder import RunFolder
from seg6b.runs.ledger import OVERRIDE, append
from seg6b.runs.sweep import Arm, Sweep
from seg6b.runs.sweep_folder import SweepFolder, create_sweep, sweep_id_of
from seg6b.scoring.basis import Basis, save_basis
from seg6b.scoring.facts import run_facts
from tests.render.closures import HISTORY, closure, remediation, run_id


@pytest.fixture
def project(tmp_path, finished_root):
    """A root with a copy of the finished run."""
    shutil.copytree(finished_root / "mlruns" / "runs", tmp_path / "mlruns" / "runs")
    return tmp_path


@pytest.fixture
def sweep(tmp_path):
    """The folder of a sweep that nobody closed."""
    plan = Sweep(
        "", "POPT.2R2", "optimisation", "S4", (), (Arm("control", (), {}, "ab" * 32),), 5, 12, confirm=True, on_failure="continue",
        retries=1, warm_up=True, authority="", authority_digest="", manifest_fingerprint="f1" * 32, posture="bplus", seed=42,
        scenario_id="baseline_v1", arrivals=20_000, closure={}, code="c0", ordinal=1, created_utc="2026-01-01T00:00:00Z",
    )  # fmt: skip
    plan = Sweep(**{**{k: getattr(plan, k) for k in Sweep.__slots__}, "sweep_id": sweep_id_of(plan)})
    create_sweep(tmp_path, plan)
    save_basis(SweepFolder.of(tmp_path, plan.sweep_id).path, Basis({}, (), HISTORY))
    return SweepFolder.of(tmp_path, plan.sweep_id)


def report(root, *words):
    return CliRunner().invoke(app, ["report", *words, "--root", str(root)])


def refusal(root, *words):
    return report(root, *words).exception


def run_of(project):
    return next((project / "mlruns" / "runs").iterdir()).name


def test_a_run_gets_the_board_it_had(project):
    run = run_of(project)
    append(project, OVERRIDE, {"lane": "adhoc", "what": "UNLOCK_P2", "reason": "a rehearsal"})
    told = json.loads(report(project, run[:8], "--json", "--phase", "p3").stdout)
    assert told["paths"] == [
        str(project / "reports" / f"segment6b_p3_realism_gateboard_{run}.{x}") for x in ("json", "md", "html")
    ]
    board, before = (
        p.read_text(encoding="utf-8")
        for p in (
            project / "reports" / f"segment6b_p3_realism_gateboard_{run}.html",
            RunFolder.of(project, run).board_path,
        )
    )
    assert "Override: UNLOCK_P2: a rehearsal" in board
    figures = [text[text.index('id="figures">') :].split("</script>", 1)[0] for text in (board, before)]
    assert figures[0] == figures[1]
    assert json.loads((project / "reports" / f"segment6b_p3_realism_gateboard_{run}.json").read_text())["run_id"] == run


def test_a_closed_sweep_gets_its_four_files(sweep, tmp_path):
    closed = closure(sweep_id=sweep.sweep_id)
    write_json(sweep.closure_path, closed)
    told = report(tmp_path, sweep.sweep_id[:8])
    assert told.exit_code == 0, told.output
    best = run_id("c01")
    names = [f"segment6b_popt2r2_closure_{best}.{x}" for x in ("json", "md", "html")]
    names.append(f"segment6b_popt2r2_state_elapsed_{best}.csv")
    assert told.stdout.split() == [str(tmp_path / "reports" / name) for name in names]
    assert HISTORY[0] in (tmp_path / "reports" / names[1]).read_text(encoding="utf-8")


def test_an_ablation_gets_its_table_too(project, sweep):
    control = replace(run_facts(RunFolder.of(project, run_of(project))), arm="control")
    ablated = remediation(lane="ABLATION", sweep_id=sweep.sweep_id, runs=(control,), targets={"falls": ["T17"]})
    write_json(sweep.closure_path, ablated)
    told = report(project, sweep.sweep_id[:8])
    assert told.stdout.split()[-1] == str(project / "reports" / "ablation.md")
    text = (project / "reports" / "ablation.md").read_text(encoding="utf-8")
    assert "| no amount exceeds twice the median | S2 | T12 | T12: S2 |" in text


def test_an_open_sweep_is_refused(sweep, tmp_path):
    error = refusal(tmp_path, sweep.sweep_id)
    assert isinstance(error, EvidenceMissing)
    assert error.code == "E_REPORT_OPEN"
    assert f"python -m seg6b score {sweep.sweep_id[:8]}" in str(error)


def test_a_run_without_evidence_is_refused(project):
    shutil.rmtree(project / "mlruns" / "runs" / run_of(project) / "evidence" / "S2")
    error = refusal(project, run_of(project))
    assert isinstance(error, EvidenceMissing)
    assert "no evidence of S2" in str(error)


@pytest.mark.parametrize("words", [("", "--phase", "p0"), ("ffff", "--story"), ("", "--story", "--popt")])
def test_it_takes_a_run_or_sweep_or_one_of_the_roads(project, words):
    error = refusal(project, *words)
    assert (error.code, error.exit_code) == ("E_REPORT_WHAT", 2)


@pytest.mark.parametrize(("road", "code"), [("--story", "E_STORY_EMPTY"), ("--popt", "E_POPT_EMPTY")])
def test_a_road_needs_a_baseline_at_least(project, road, code):
    error = refusal(project, road)
    assert (error.code, error.exit_code) == (code, 1)


@pytest.mark.parametrize("words", [("ffff",), ("../x",)])
def test_what_is_not_there_is_refused_by_name(project, words):
    error = refusal(project, *words)
    assert isinstance(error, UsageError)
    assert error.code == "E_RUN_UNKNOWN"


@pytest.mark.parametrize("phase", ["../p0", "p", "P0", "p0/"])
def test_no_phase_leaves_the_folder(project, phase):
    assert refusal(project, run_of(project), "--phase", phase).code == "E_REPORT_PHASE"
