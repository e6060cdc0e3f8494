"""The only list of states, and the walk through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from seg6b.datasets.tables import OUTPUTS
from seg6b.evidence import (
    implied_s1,
    implied_s2,
    implied_s3,
    implied_s4,
    measure_s1,
    measure_s2,
    measure_s3,
    measure_s4,
)
from seg6b.runs.receipt import StateReceipt
from seg6b.runs.staging import NONE
from seg6b.states.execute import Site, execute, row_task
from seg6b.states.gate_task import gate_task
from seg6b.states.record import RowState
from seg6b.states.s1_attach import state as s1
from seg6b.states.s2_flows import state as s2
from seg6b.states.s3_overlay import state as s3
from seg6b.states.s4_labels import state as s4
from seg6b.states.validate_task import validate_task

S1: Final = RowState(
    "S1",
    s1.__name__,
    ("behaviour", "attachment", "prior", "activity", "session"),
    (),
    OUTPUTS["S1"],
    s1.run,
    measure_s1.MEASURES,
    measure_s1.measure_s1,
    implied_s1.implied_draws,
)
S2: Final = RowState(
    "S2",
    s2.__name__,
    ("behaviour", "flow_shape", "amount", "timing"),
    (OUTPUTS["S1"][0],),
    OUTPUTS["S2"],
    s2.run,
    measure_s2.MEASURES,
    measure_s2.measure_s2,
    implied_s2.implied_draws,
)
S3: Final = RowState(
    "S3",
    s3.__name__,
    ("behaviour", "campaign", "overlay"),
    OUTPUTS["S2"],
    OUTPUTS["S3"],
    s3.run,
    measure_s3.MEASURES,
    measure_s3.measure_s3,
    implied_s3.implied_draws,
)
S4: Final = RowState(
    "S4",
    s4.__name__,
    ("behaviour", "truth", "bank_view", "delay", "case"),
    OUTPUTS["S3"][1:],
    OUTPUTS["S4"],
    s4.run,
    measure_s4.MEASURES,
    measure_s4.measure_s4,
    implied_s4.implied_draws,
)

ROW_STATES: Final = (S1, S2, S3, S4)
STATES: Final = ("S0", "S1", "S2", "S3", "S4", "S5")


def run_states(site: Site) -> Mapping[str, StateReceipt]:
    """S0 to S5 in order; the receipts by state.

    Row states are linked up to the first one that no other run holds, or that the job wants executed; from there on
    everything is executed. S5 always is: its verdict belongs to the run.
    """
    receipts = {"S0": execute(site, gate_task(site), link=site.job.source_run != NONE)}
    link = site.job.source_run != NONE
    for state in ROW_STATES:
        link = link and state.name != site.job.arm.execute_from
        receipts[state.name] = execute(site, row_task(site, state, receipts), link=link)
        link = link and bool(receipts[state.name].staged_from)
    receipts["S5"] = execute(site, validate_task(site, ROW_STATES, receipts))
    return receipts
