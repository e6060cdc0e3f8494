"""S4 through every writer: the rows of any cut, and parts that hold whole parties and the same ones in every dataset."""

from __future__ import annotations

import polars as pl
import pytest

from seg6b.datasets.tables import BANK_VIEW, EVENT_LABELS, OUTPUTS, TRUTH
from seg6b.datasets.writers.strategies import WRITERS
from tests.states.s4.executed import executed

CUTS = {
    "one_batch": {},
    "small_batches": {"batch_rows": 97, "cuts": (0.2, 0.6)},
    "small_batches_two_workers": {"batch_rows": 97, "cuts": tuple(i / 8 for i in range(8)), "threads": 2},
}


@pytest.fixture(scope="module")
def flows(made):
    return made.many(900, parties=40)


@pytest.fixture(scope="module")
def reference(flows, tmp_path_factory, roomy):
    return digests(executed(flows, tmp_path_factory.mktemp("reference"), roomy))


def digests(output):
    return [output.datasets[d.name].digest for d in OUTPUTS["S4"]]


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("cut", CUTS)
def test_no_writer_changes_a_row_or_splits_a_party(writer, cut, flows, reference, tmp_path, roomy):
    output = executed(flows, tmp_path, roomy, writer=writer, target_file_mb=1, **CUTS[cut])
    assert digests(output) == reference
    names = {d.name: [p.name for p in output.datasets[d.name].parts] for d in (TRUTH, BANK_VIEW, EVENT_LABELS)}
    assert names[TRUTH.name] == names[BANK_VIEW.name] == names[EVENT_LABELS.name]
    party = dict(zip(flows[0]["flow_id"], flows[0]["party_id"], strict=True))
    held = [
        {party[f] for f in pl.read_parquet(output.folder(TRUTH) / name, columns=["flow_id"])["flow_id"]}
        for name in names[TRUTH.name]
    ]
    assert sum(map(len, held)) == len(set().union(*held))
    if writer == "per_batch" and cut != "one_batch":
        assert len(held) >= 900 / 97
    if writer != "per_batch":
        assert len(held) == CUTS[cut].get("threads", 1)
