"""The notebook is committed without output, and runs from its first cell to its last on a small project."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.street.lanes import PROJECT

NOTEBOOK = PROJECT / "notebooks" / "compare_runs.ipynb"
TITLES = {
    "Wall seconds by state",
    "Gates, authority and candidate",
    "Bank-view fraud by merchant class",
    "Amounts and latency",
}


def test_it_is_committed_without_output():
    plain = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    code = [cell for cell in plain["cells"] if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[]] * len(code)
    assert {cell["execution_count"] for cell in code} == {None}


# Jupyter's own sockets are closed by its garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_draws_what_a_reviewer_asks_first(compared, monkeypatch):
    monkeypatch.setenv("SEG6B_ROOT", str(compared.root))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(Path(NOTEBOOK).parent)}}).execute()
    outputs = [o for cell in notebook.cells if cell.cell_type == "code" for o in cell.outputs]
    drawn = [
        o.data["application/vnd.plotly.v1+json"]
        for o in outputs
        if "application/vnd.plotly.v1+json" in o.get("data", {})
    ]
    assert {figure["layout"]["title"]["text"] for figure in drawn} == TITLES
    assert all(figure["data"] for figure in drawn)
    text = "".join(o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs)
    assert compared.candidate.run_id in text
    assert compared.authority.run_id in text
    assert "rows differ: s4_" in text
    assert "KEEP_PROVISIONAL" in text
