"""Rows that belong to flows: whose they are, by position where they follow their flows, else by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from seg6b.datasets.column import Dataset
from seg6b.draws.compiled import kernel
from seg6b.draws.mix import U64
from seg6b.evidence.keys import I64, U8, Owners, key_hashes, key_rows, repeats, set_rows, tally, value_rows

I8 = npt.NDArray[np.int8]
I32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Flows:
    """Flows with their owners and key hashes.

    Attributes:
        flow_id: id of each flow.
        n_events: events it claims.
        owners: its party and cell.
        hashes: hash of its id.
        unique: whether no id occurs twice.
    """

    flow_id: pl.Series
    n_events: I32
    owners: Owners
    hashes: U64
    unique: bool

    @classmethod
    def of(cls, frame: pl.DataFrame) -> Self:
        """From rows with `flow_id`, `party_id` and `n_events`."""
        hashes = key_hashes([frame["flow_id"]])
        owners = Owners.of(frame["party_id"].to_numpy())
        return cls(frame["flow_id"], frame["n_events"].to_numpy(), owners, hashes, not repeats(hashes))

    def value_for(self, values: npt.NDArray[np.generic], wanted: pl.Series) -> I64:
        """A value of each flow for each wanted id; -1 for an id that is not there."""
        table = pl.DataFrame({"flow_id": self.flow_id, "value": values}).unique("flow_id", keep="first")
        found = wanted.to_frame("flow_id").join(table, on="flow_id", how="left", maintain_order="left")
        return found["value"].cast(pl.Int64).fill_null(-1).to_numpy()

    def owners_for(self, frame: pl.DataFrame) -> Owners:
        """Owners of rows with `flow_id`: those of the flows where the rows follow them one to one."""
        if np.array_equal(self.flow_id.to_numpy(), frame["flow_id"].to_numpy()):
            return self.owners
        return Owners.of(self.value_for(self.owners.party, frame["flow_id"]))


@dataclass(frozen=True, slots=True)
class Events:
    """Events of flows.

    Attributes:
        flows: the flows.
        frame: the events.
        cell: cell of each event.
        ordered: whether they follow their flows, `n_events` of each, numbered from 0.
    """

    flows: Flows
    frame: pl.DataFrame
    cell: U8
    ordered: bool

    @classmethod
    def of(cls, flows: Flows, frame: pl.DataFrame) -> Self:
        """From rows with `flow_id` and `event_seq`."""
        cell = np.empty(frame.height, np.uint8)
        ids, seq = frame["flow_id"].to_numpy(), frame["event_seq"].to_numpy()
        ordered = _place(flows.flow_id.to_numpy(), flows.n_events, flows.owners.cell, ids, seq, cell)
        if not ordered:
            cell = Owners.of(flows.value_for(flows.owners.party, frame["flow_id"])).cell
        return cls(flows, frame, cell, ordered)

    def spread(self, values: I8) -> I8:
        """A value of each flow, for each of its events; -1 where an event has no flow."""
        if self.ordered:
            return _repeat(values, self.flows.n_events, self.frame.height)
        return self.flows.value_for(values, self.frame["flow_id"]).astype(np.int8)

    def key_sets(self, dataset: Dataset) -> list[pl.DataFrame]:
        """The key set of the events and that of the flows they name."""
        hashes = key_hashes([self.frame[k] for k in dataset.key])
        named = f"{dataset.name}.flow_id"
        if self.ordered and self.flows.unique:
            n, total, _, _ = tally(self.cell, hashes.view(np.int64))
            with_events = self.flows.n_events > 0
            flows = key_rows(named, self.flows.owners.take(with_events), self.flows.hashes[with_events])
            return [set_rows(dataset.name, n, n, total), flows]
        owners = Owners.of(self.flows.value_for(self.flows.owners.party, self.frame["flow_id"]))
        return [key_rows(dataset.name, owners, hashes), value_rows(named, owners, key_hashes([self.frame["flow_id"]]))]


@kernel
def _place(flow_id: I64, n_events: I32, cell: U8, event_flow: I64, seq: I32, out: U8) -> bool:
    """Write the cell of each event; False as soon as one is not where its flow says."""
    e = 0
    for f in range(flow_id.size):
        for k in range(n_events[f]):
            if e >= event_flow.size or event_flow[e] != flow_id[f] or seq[e] != k:
                return False
            out[e] = cell[f]
            e += 1
    return e == event_flow.size


@kernel
def _repeat(values: I8, times: I32, total: int) -> I8:
    out = np.empty(total, np.int8)
    e = 0
    for f in range(times.size):
        for _ in range(times[f]):
            out[e] = values[f]
            e += 1
    return out
