"""Replay witness: two runs of identical settings, compared dataset by dataset.

Rows, content digest, schema, partitions and being non-empty must be equal; that the bytes of parts are, is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from seg6b.runs.receipt import RunReceipt, StateReceipt
from seg6b.scoring.published import Published

ROW_STATES: Final = ("S1", "S2", "S3", "S4")


class ReplayVerdict(StrEnum):
    """What the comparison comes to."""

    IDENTICAL = "IDENTICAL"
    DIFFERENT = "DIFFERENT"


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One of the two runs, as the comparison takes it.

    Attributes:
        receipt: of the run.
        states: receipts of its states.
        datasets: what it published.
        damage: files that are not as its receipts say.
    """

    receipt: RunReceipt
    states: Mapping[str, StateReceipt]
    datasets: Mapping[str, Published]
    damage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetReplay:
    """One dataset in both runs; the run that is witnessed comes first in every pair.

    Attributes:
        dataset: its name.
        state: that writes it.
        executed: whether the witness executed that state itself.
        rows: rows.
        digests: content digests.
        schema_equal: whether columns and types are equal, in order.
        partitions_equal: whether the same partitions hold parts.
        non_empty: whether both hold rows.
        parts: parts.
        equal_parts: parts of the same name and bytes.
        faults: what must be equal and is not, in words.
    """

    dataset: str
    state: str
    executed: bool
    rows: tuple[int, int]
    digests: tuple[str, str]
    schema_equal: bool
    partitions_equal: bool
    non_empty: bool
    parts: tuple[int, int]
    equal_parts: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayWitness:
    """A run, and what its replay says of it.

    Attributes:
        verdict: by rule.
        faults: why it is not identical, in words; empty where it is.
        run_id: the run that is witnessed.
        witness_id: its replay.
        since: first state that the replay had to execute.
        datasets: in the order of states.
        generated_utc: when the replay ended.
    """

    verdict: ReplayVerdict
    faults: tuple[str, ...]
    run_id: str
    witness_id: str
    since: str
    datasets: tuple[DatasetReplay, ...]
    generated_utc: str

    @property
    def identical(self) -> bool:
        """Whether the replay bears the run out."""
        return self.verdict is ReplayVerdict.IDENTICAL


def compare_replay(run: Witnessed, witness: Witnessed, since: str) -> ReplayWitness:
    """Hold a run against its replay.

    Args:
        run: the run that is witnessed.
        witness: its replay: identical settings, a fresh run id.
        since: the first state that the replay had to execute; states before it may be linked.
    """
    names = dict.fromkeys([*run.datasets, *witness.datasets])
    linked = {name for name, state in witness.states.items() if state.staged_from}
    datasets = tuple(_dataset(run.datasets.get(n), witness.datasets.get(n), n, linked) for n in names)
    faults = (*_settings(run, witness, since), *(fault for found in datasets for fault in found.faults))
    return ReplayWitness(
        verdict=ReplayVerdict.DIFFERENT if faults or not datasets else ReplayVerdict.IDENTICAL,
        faults=faults if datasets else (*faults, "neither run has published anything"),
        run_id=run.receipt.run_id,
        witness_id=witness.receipt.run_id,
        since=since,
        datasets=datasets,
        generated_utc=witness.receipt.ended_utc,
    )


def _settings(run: Witnessed, witness: Witnessed, since: str) -> Iterator[str]:
    """What makes it no replay, or its files no evidence."""
    before, again = run.receipt, witness.receipt
    if before.run_id == again.run_id:
        yield "the run cannot witness itself: the replay needs a run id of its own"
    for name in ("seed", "scenario_id", "manifest_fingerprint", "parameter_hash", "knobs"):
        told, found = getattr(before, name), getattr(again, name)
        if told != found:
            yield f"{name} differs: {_unlike(told, found)}"
    for state in ROW_STATES:
        told, found = run.states.get(state), witness.states.get(state)
        if told is None or found is None:
            yield f"{state} has no receipt in {_lacking(told, found)}"
        elif told.input_key != found.input_key:
            yield f"{state} was made from other inputs: {_unlike(told.input_parts, found.input_parts)}"
        elif state >= since and found.staged_from:
            yield f"{state} of the replay is linked from {found.staged_from[:8]}: nothing was replayed"
    yield from (f"run {before.run_id[:8]} is damaged: {fault}" for fault in run.damage)
    yield from (f"replay {again.run_id[:8]} is damaged: {fault}" for fault in witness.damage)


def _dataset(run: Published | None, witness: Published | None, name: str, linked: set[str]) -> DatasetReplay:
    one, two = run or _nothing(name, witness), witness or _nothing(name, run)
    return DatasetReplay(
        dataset=name,
        state=one.state,
        executed=one.state not in linked,
        rows=(one.rows, two.rows),
        digests=(one.digest, two.digest),
        schema_equal=one.schema == two.schema,
        partitions_equal=one.partitions == two.partitions,
        non_empty=one.rows > 0 and two.rows > 0,
        parts=(len(one.parts), len(two.parts)),
        equal_parts=sum(bool(seal) and two.parts.get(part) == seal for part, seal in one.parts.items()),
        faults=tuple(f"{name}: {fault}" for fault in _faults(one, two)),
    )


def _faults(one: Published, two: Published) -> Iterator[str]:
    if not (one.parts and two.parts):
        yield f"no part in {_lacking(one.parts, two.parts)}"
    elif not (one.rows and two.rows):
        yield f"empty in {_lacking(one.rows, two.rows)}"
    if one.rows != two.rows:
        yield f"{one.rows:,} rows, {two.rows:,} in the replay"
    if one.digest != two.digest:
        yield f"content digest {one.digest}, {two.digest} in the replay"
    if one.schema != two.schema:
        yield f"schema differs: {_lists_unlike(one.schema, two.schema)}"
    if one.partitions != two.partitions:
        yield f"partitions differ: {_lists_unlike(one.partitions, two.partitions)}"


def _lacking(run: object, witness: object) -> str:
    """Which of both lacks something."""
    return "both runs" if not (run or witness) else "the replay" if run else "the run"


def _nothing(name: str, other: Published | None) -> Published:
    return Published(name, other.state if other else "", 0, "", (), (), {})


def _unlike(told: object, found: object) -> str:
    """What differs between two values; of mappings, the keys."""
    if isinstance(told, Mapping) and isinstance(found, Mapping):
        keys = sorted(k for k in {*told, *found} if told.get(k) != found.get(k))
        return ", ".join(map(str, keys))
    return f"{str(told)[:24]}, {str(found)[:24]} in the replay"


def _lists_unlike(told: tuple[str, ...], found: tuple[str, ...]) -> str:
    gone, new = [x for x in told if x not in found], [x for x in found if x not in told]
    said = [f"{x} is missing" for x in gone] + [f"{x} is new" for x in new]
    return "; ".join(said) or "another order"
