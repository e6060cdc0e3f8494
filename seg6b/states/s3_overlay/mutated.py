"""Campaign flows and their events as S3 publishes them, with every mutation recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from seg6b.datasets import vocabulary as v
from seg6b.datasets.frames import Mask, codes_of, dictionary, micros_of, nullable, utc
from seg6b.states.s3_overlay.events import (
    ABSENT,
    CLEARING,
    REFUND,
    REQUEST,
    RESPONSE,
    REVERSAL,
    EventColumns,
    Orders,
    Outcome,
    mutate_events,
)
from seg6b.states.s3_overlay.hits import Hits
from seg6b.states.s3_overlay.instances import Instance
from seg6b.states.s3_overlay.posture import I64
from seg6b.states.s3_overlay.tactics import AMOUNT, BURST, DECLINE, SITE, SUPPRESS, Mutations

STAMPS: Final = {
    "auth_response_ts": RESPONSE,
    "clear_ts": CLEARING,
    "refund_ts": REFUND,
    "reversal_ts": REVERSAL,
}
AMOUNTS: Final = {
    "clear_amount_minor": CLEARING,
    "refund_amount_minor": REFUND,
    "reversal_amount_minor": REVERSAL,
}


@dataclass(frozen=True, slots=True)
class Names:
    """Campaigns as columns need them: ids ascending, and for each instance its id code, pattern and primary event."""

    ids: tuple[str, ...]
    code: I64
    pattern: I64
    primary_type: I64

    def campaign(self, instances: I64) -> pl.Series:
        """Campaign id of each instance number; null where negative."""
        return dictionary(self._by(self.code, instances, -1), self.ids)

    def patterns(self, instances: I64) -> pl.Series:
        """Pattern of each instance number; `NONE` where negative."""
        return dictionary(self._by(self.pattern, instances, 0), v.PATTERNS)

    @staticmethod
    def _by(values: I64, instances: I64, other: int) -> I64:
        return np.append(values, other)[instances]


def names_of(instances: Sequence[Instance]) -> Names:
    """Names of the instances of a run."""
    ids = tuple(sorted(i.campaign_id for i in instances))
    events = [i.template.target_event if i.template is not None else None for i in instances]
    return Names(
        ids,
        np.array([ids.index(i.campaign_id) for i in instances], np.int64),
        np.array([v.PATTERNS.index(i.campaign_type) for i in instances], np.int64),
        np.array([REQUEST if e is None else v.EVENT_TYPES.index(e) for e in events], np.int64),
    )


@dataclass(frozen=True, slots=True)
class Mutated:
    """Hit flows in order, and the events that they keep, both in S3's columns."""

    flows: pl.DataFrame
    events: pl.DataFrame


def apply_mutations(flows: pl.DataFrame, events: pl.DataFrame, hits: Hits, done: Mutations, names: Names) -> Mutated:
    """Carry the mutations into flows and events.

    Args:
        flows: the hit flows in S2's columns.
        events: their events in S2's columns, in flow order.
        hits: which instance each flow belongs to.
        done: the mutations.
        names: campaigns.
    """
    n_events = flows["n_events"].to_numpy()
    offsets = np.concatenate([[0], np.cumsum(n_events, dtype=np.int64)])
    orders = Orders(
        done.amount_factor,
        done.time_factor,
        done.using(SUPPRESS),
        done.using(DECLINE),
        names.primary_type[hits.instances],
    )
    columns = EventColumns(
        codes_of(events["event_type"]),
        micros_of(events["ts_utc"]),
        events["amount_minor"].to_numpy(),
        codes_of(events["response_code"]),
        events["latency_us"].to_numpy(),
    )
    changed, outcome = mutate_events(columns, offsets, orders)
    of_event = np.repeat(np.arange(hits.size), n_events)[outcome.kept]
    kept_events = _events(events, changed, outcome).with_columns(
        campaign_id=names.campaign(hits.instances[of_event]),
        fraud_pattern_type=names.patterns(hits.instances[of_event]),
        origin_flow_id=nullable(flows["flow_id"].to_numpy()[of_event], (done.tactics == 0)[of_event]),
    )
    kept = np.bincount(of_event, minlength=hits.size).astype(np.int32)
    return Mutated(_flows(flows, hits, done, outcome, names).with_columns(n_events=pl.Series(kept)), kept_events)


def _events(events: pl.DataFrame, changed: EventColumns, outcome: Outcome) -> pl.DataFrame:
    return events.with_columns(
        origin_event_seq=pl.col("event_seq"),
        event_seq=pl.Series(outcome.seq),
        ts_utc=utc(changed.ts),
        amount_minor=pl.Series(changed.amount),
        response_code=dictionary(changed.response, v.RESPONSE_CODES),
        latency_us=pl.Series(changed.latency),
        is_fraud_event=pl.Series(outcome.primary),
        fraud_flag=pl.lit(value=True),
    ).filter(pl.Series(outcome.kept))


def _flows(flows: pl.DataFrame, hits: Hits, done: Mutations, outcome: Outcome, names: Names) -> pl.DataFrame:
    auth = outcome.amounts[:, REQUEST]
    device, ip = flows["device_id"].to_numpy(), flows["ip_id"].to_numpy()
    updated: Mapping[str, pl.Series] = {
        "device_id": pl.Series(done.device_id),
        "ip_id": pl.Series(done.ip_id),
        "site_id": nullable(done.site_id, done.site_id == 0),
        "amount_minor": pl.Series(auth),
        "auth_amount_minor": pl.Series(auth),
        **{name: _present(outcome.amounts[:, kind]) for name, kind in AMOUNTS.items()},
        **{name: utc(outcome.stamps[:, kind], outcome.stamps[:, kind] == ABSENT) for name, kind in STAMPS.items()},
    }
    untouched = done.tactics == 0
    return flows.with_columns(
        **updated,
        fraud_flag=pl.lit(value=True),
        campaign_id=names.campaign(hits.instances),
        fraud_pattern_type=names.patterns(hits.instances),
        overlay_anomaly_any=pl.lit(value=False),
        origin_type=dictionary(np.where(untouched, 0, 1), v.ORIGINS),
        origin_flow_id=nullable(flows["flow_id"].to_numpy(), untouched),
        tactic_ids=pl.Series(done.tactics.astype(np.int32)),
        mutation_axes=pl.Series(done.axes.astype(np.int32)),
        amount_factor=nullable(done.amount_factor, done.amount_factor == 0.0),
        time_factor=nullable(done.time_factor, done.time_factor == 0.0),
        swapped_device_id=nullable(device, device == done.device_id),
        swapped_ip_id=nullable(ip, ip == done.ip_id),
        **_flags(done),
    )


def _flags(done: Mutations) -> dict[str, pl.Series]:
    swapped: Mask = (done.axes >> v.MUTATION_AXES.index("IDENTITY")) & 1 > 0
    return {
        "amount_modified_flag": pl.Series(done.using(AMOUNT)),
        "timing_modified_flag": pl.Series(done.using(BURST)),
        "identity_swap_flag": pl.Series(swapped),
        "routing_anomaly_flag": pl.Series(done.using(SITE)),
        "structure_modified_flag": pl.Series(done.using(SUPPRESS) | done.using(DECLINE)),
    }


def _present(values: I64) -> pl.Series:
    return nullable(values, values == ABSENT)
