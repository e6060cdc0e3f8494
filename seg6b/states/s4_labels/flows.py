"""The flows of a batch as arrays, in the form in which the kernels of S4 read them."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.frames import Mask, codes_of, micros_of
from seg6b.datasets.tables import EVENTS_WITH_FRAUD, FLOWS_WITH_FRAUD
from seg6b.draws.compiled import read_only
from seg6b.draws.mix import U64, entities1
from seg6b.errors import ContractBroken
from seg6b.evidence.flow_facts import DECLINED, DISPUTABLE, STEP_UP
from seg6b.shards.cells import cell_of
from seg6b.states.mapping import Reads

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]

NEVER: Final = np.iinfo(np.int64).min

READS: Final = Reads(
    FLOWS_WITH_FRAUD,
    (
        "flow_id",
        "merchant_id",
        "party_id",
        "account_id",
        "instrument_id",
        "ts_utc",
        "flow_type_id",
        "baseline_outcome",
        "channel_group",
        "amount_minor",
        "auth_response_ts",
        "clear_ts",
        "reversal_ts",
        "n_events",
        "merchant_class",
        "merchant_country_iso",
        "party_country_iso",
        "party_fraud_role",
        "is_cross_border",
        "amount_family",
        "branch_trace",
        "campaign_id",
        "fraud_pattern_type",
        "overlay_anomaly_any",
        "tactic_ids",
    ),
    EVENTS_WITH_FRAUD,
    ("flow_id", "event_seq", "event_type", "ts_utc", "is_fraud_event"),
)


class Flows(NamedTuple):
    """Columns of the flows of one batch, all of shape (n,); times in microseconds since the epoch.

    Attributes:
        flow_id: id.
        entity: entity hash of the flow, the key of its draws.
        party_id: party, rows of a party adjacent.
        account_id: account.
        cell: cell of the party.
        ts: AUTH_REQUEST.
        response: AUTH_RESPONSE.
        clear: CLEARING, `NEVER` without one.
        pattern: code of the campaign pattern, 0 outside campaigns.
        anomaly: marked by the anomaly overlay.
        role: code of the party's fraud role.
        channel: code of the channel.
        merchant_class: code of the class.
        family: code of the amount family.
        amount: authorised amount after the overlay, minor units.
        cross_border: merchant and party countries differ.
        declined: declined by S2's outcome or by a campaign tactic.
        step_up: the flow has a step-up.
        disputable: money moved and stayed moved: neither declined nor reversed.
    """

    flow_id: I64
    entity: U64
    party_id: I64
    account_id: I64
    cell: npt.NDArray[np.uint8]
    ts: I64
    response: I64
    clear: I64
    pattern: I32
    anomaly: Mask
    role: I32
    channel: I32
    merchant_class: I32
    family: I32
    amount: I64
    cross_border: Mask
    declined: Mask
    step_up: Mask
    disputable: Mask


def flow_arrays(frame: pl.DataFrame) -> Flows:
    """Arrays of the columns in `READS`, row for row; refuses rows that S3's contract forbids.

    Raises:
        ContractBroken: `E_S4_CAMPAIGN_PATTERN` where campaign and pattern disagree, `E_S4_ANCHOR_MISSING` where a
            flow has no AUTH_RESPONSE to hang a decision on.
    """
    pattern = codes_of(frame["fraud_pattern_type"])
    _refuse(
        frame["campaign_id"].is_not_null().to_numpy() != (pattern != 0),
        frame,
        ContractBroken(
            "E_S4_CAMPAIGN_PATTERN",
            "campaign and pattern disagree",
            expected="a pattern exactly where a campaign is named",
            hint="Rerun S3.",
        ),
    )
    _refuse(
        frame["auth_response_ts"].is_null().to_numpy(),
        frame,
        ContractBroken(
            "E_S4_ANCHOR_MISSING",
            "no AUTH_RESPONSE to hang a decision on",
            expected="one a flow",
            hint="Rerun S2 and S3.",
        ),
    )
    facts = frame.select(declined=DECLINED, step_up=STEP_UP, disputable=DISPUTABLE)
    flow_id = read_only(frame["flow_id"].to_numpy())
    party_id = read_only(frame["party_id"].to_numpy())
    return Flows(
        flow_id,
        entities1(flow_id),
        party_id,
        read_only(frame["account_id"].to_numpy()),
        cell_of(party_id),
        read_only(micros_of(frame["ts_utc"])),
        read_only(micros_of(frame["auth_response_ts"])),
        read_only(micros_of(frame["clear_ts"], null=NEVER)),
        read_only(pattern),
        read_only(frame["overlay_anomaly_any"].to_numpy()),
        read_only(codes_of(frame["party_fraud_role"])),
        read_only(codes_of(frame["channel_group"])),
        read_only(codes_of(frame["merchant_class"])),
        read_only(codes_of(frame["amount_family"])),
        read_only(frame["amount_minor"].to_numpy()),
        read_only(frame["is_cross_border"].to_numpy()),
        read_only(facts["declined"].to_numpy()),
        read_only(facts["step_up"].to_numpy()),
        read_only(facts["disputable"].to_numpy()),
    )


def _refuse(bad: Mask, frame: pl.DataFrame, error: ContractBroken) -> None:
    if bad.any():
        first = frame["flow_id"][int(np.argmax(bad))]
        error.where = f"{FLOWS_WITH_FRAUD.name}, flow_id {first}"
        error.value = f"{int(bad.sum())} flows"
        raise error
