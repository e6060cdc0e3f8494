"""A run written out by hand: six parties, one campaign flow that lost its clearing, one probe, one case of two flows."""

from __future__ import annotations

import copy
import hashlib
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seg6b.datasets import tables as t
from seg6b.datasets import world_tables as w
from seg6b.datasets.column import Kind
from seg6b.datasets.parts import PartWriter
from seg6b.draws.uniform import Draws
from seg6b.evidence import ledger
from seg6b.evidence.keys import key_sum
from seg6b.evidence.tables import DRAWS, Evidence, Measure, merged
from seg6b.gates.result import GateBoard, GateResult, Status, Verdict
from seg6b.policy import behaviour, rng, validation
from seg6b.runs.axes import Axes
from seg6b.runs.disk import write_json
from seg6b.runs.flag import IndexItem, write_flag, write_index
from seg6b.runs.output import WrittenPart
from seg6b.shards.cells import cell_of, route_of
from seg6b.shards.executor import Threads
from seg6b.states.context import Input
from seg6b.states.record import RowState
from seg6b.states.s0_gate.seal import own_contracts
from seg6b.states.s5_validate.request import Upstream, ValidationRequest
from seg6b.states.s5_validate.upstream import SEGMENTS, sealed_digest
from tests.packs import typed, values_of

CONF = Path(__file__).resolve().parents[3] / "conf" / "policy"
START = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2026, 4, 1, tzinfo=UTC)
FINGERPRINT = "ab" * 32
PARTIES = sorted(range(101, 107), key=lambda p: int(route_of(np.array([p], np.int64))[0]))
MINUTE = timedelta(minutes=1)

FLOW_CHECKS = Measure("flow_checks", ("cell", "check"), ("n", "bad"))
LABEL_CHECKS = Measure("label_checks", ("cell", "check"), ("n", "bad"))
FLOW_TYPES = Measure("flow_types", ("cell", "channel_group", "baseline_outcome", "branch_trace"))
SESSION_FLOWS = Measure("session_flows", ("cell", "n_flows"))
CAMPAIGN_FLOWS = Measure("campaign_flows", ("cell", "campaign_id"))
CAMPAIGN_HOURS = Measure("campaign_hours", ("cell", "campaign_id", "day"))
OVERLAY = Measure("overlay", ("cell", "mutation_axes"))
TRUTH = Measure("truth", ("cell", "campaign", "fraud_pattern_type"))
BANK = Measure(
    "bank", ("cell", "fraud_label", "detection_outcome", "chargeback_outcome", "is_fraud_bank_view", "case_opened")
)
CASES = Measure("cases", ("cell", "n_flows", "n_events"))
CASE_SPANS = Measure("case_spans", ("cell", "duration_s", "non_monotone"))
CASE_EVENTS = Measure("case_events", ("cell", "case_event_type"))


def policy(pack, variant, **changes):
    module = {"behaviour": behaviour, "validation": validation, "rng": rng}[pack]
    values = values_of(CONF / pack / f"{variant}.yaml")
    for path, value in changes.items():
        *steps, last = path.split("__")
        node = values
        for step in steps:
            node = node[step]
        node[last] = value
    return typed(module, values)


@dataclass
class Packs:
    behaviour: object
    validation: object
    rng: object

    def plain(self):
        return dict.fromkeys(("behaviour", "validation", "rng"))

    def pack_hash(self, name):
        return hashlib.sha256(getattr(self, name).model_dump_json().encode()).hexdigest()


def register():
    """A register of the draws that the hand-made states report."""
    families = {
        "entity_attach": {
            "module": "S1",
            "decisions": {"ATTACH_PARTY": {"keys": ["merchant_id", "arrival_seq"], "always": True}},
        },
        "flow_shape": {"module": "S2", "decisions": {"FLOW_TYPE": {"keys": ["flow_id"], "always": True}}},
        "validation_audit": {
            "module": "S5",
            "decisions": {
                "AUDIT_CELL": {"keys": ["cell"], "always": True},
                "ID_SLICE": {"keys": ["dataset"], "always": True},
            },
        },
    }
    plain = {"schema_version": 1, "policy_id": "rng", "policy_version": "v1", "kind": "counted", "families": families}
    return typed(rng, plain)


def filled(dataset, rows, **given):
    """A contract frame: the columns given, and the dullest value everywhere else."""
    out = {}
    for col in dataset.columns:
        want = col.dtype() or pl.Enum(["a", "C1"])
        if col.name in given:
            out[col.name] = pl.Series(given[col.name], dtype=want)
        elif col.nullable:
            out[col.name] = pl.Series([None] * rows, dtype=want)
        elif col.kind in {Kind.VOCAB, Kind.WORLD}:
            first = col.vocab[0] if col.kind is Kind.VOCAB else "a"
            out[col.name] = pl.Series([first] * rows, dtype=want)
        else:
            dull = {Kind.BOOL: False, Kind.UTC: START, Kind.LOCAL: START.replace(tzinfo=None)}.get(col.kind, 0)
            out[col.name] = pl.Series([dull] * rows, dtype=want)
    return pl.DataFrame(out)


def handmade():
    """Frames of every dataset, by name: two arrivals, two flows and one session a party."""
    arrivals = pl.DataFrame({"party_id": np.repeat(PARTIES, 2), "k": np.tile([0, 1], len(PARTIES))})
    arrivals = arrivals.with_columns(
        session_id=pl.col("party_id") + 1000, arrival_seq=pl.int_range(1, arrivals.height + 1), merchant_id=pl.lit(7)
    )
    party = arrivals["party_id"]
    stamps = [START + MINUTE * int(p) + MINUTE * 10 * int(k) for p, k in zip(party, arrivals["k"], strict=True)]
    entities = {
        "party_id": party, "account_id": party + 2000, "instrument_id": party + 3000, "device_id": party + 4000,
        "ip_id": party + 5000, "merchant_id": arrivals["merchant_id"], "session_id": arrivals["session_id"],
        "arrival_seq": arrivals["arrival_seq"],
    }  # fmt: skip
    flow_id = (party * 10 + arrivals["k"]).to_list()
    n = arrivals.height
    base = {
        **entities, "flow_id": flow_id, "flow_index_within_session": arrivals["k"].to_list(), "n_arrivals": [1] * n,
        "ts_utc": stamps, "n_events": [3] * n, "channel_group": ["ECOM", "POS", "ATM"] * (n // 3),
    }  # fmt: skip
    frames = {
        t.SESSION_ARRIVALS.name: filled(t.SESSION_ARRIVALS, n, ts_utc=stamps, **entities),
        t.SESSIONS.name: filled(
            t.SESSIONS,
            len(PARTIES),
            session_id=[p + 1000 for p in PARTIES],
            arrival_count=[2] * len(PARTIES),
            party_id=PARTIES,
        ),
        t.FLOWS.name: filled(t.FLOWS, n, **base),
        t.EVENTS.name: events_of(t.EVENTS, flow_id, [3] * n, stamps),
    }
    return frames | overlaid(base, flow_id)


def events_of(dataset, flow_id, counts, stamps, **more):
    kinds = ("AUTH_REQUEST", "AUTH_RESPONSE", "CLEARING")
    seq = [i for c in counts for i in range(c)]
    start = [s for s, c in zip(stamps, counts, strict=True) for _ in range(c)]
    return filled(
        dataset, len(seq), flow_id=[f for f, c in zip(flow_id, counts, strict=True) for _ in range(c)], event_seq=seq,
        event_type=[kinds[i] for i in seq], ts_utc=[s + MINUTE * i for s, i in zip(start, seq, strict=True)], **more,
    )  # fmt: skip


def overlaid(base, flow_id):
    """S3 and S4: flow 0 is tagged and loses its clearing, a probe with one event follows it."""
    probe = 999
    order = [0, None, *range(1, len(flow_id))]
    column = {name: list(values) for name, values in base.items()}
    rows = {name: [values[0 if i is None else i] for i in order] for name, values in column.items()}
    rows["flow_id"][1] = probe
    rows["n_events"] = [2, 1, *[3] * (len(flow_id) - 1)]
    n = len(order)
    tagged = [True, True, *[False] * (n - 2)]
    flows = filled(
        t.FLOWS_WITH_FRAUD, n, **rows, fraud_flag=tagged, campaign_id=["C1" if x else None for x in tagged],
        fraud_pattern_type=["CARD_TESTING" if x else "NONE" for x in tagged], mutation_axes=[31, *[0] * (n - 1)],
        origin_type=["BASELINE_FLOW_MUTATED", "PURE_FRAUD_FLOW", *["BASELINE_FLOW"] * (n - 2)],
        origin_flow_id=[flow_id[0], flow_id[0], *[None] * (n - 2)],
        structure_modified_flag=[True, *[False] * (n - 1)],
    )  # fmt: skip
    counts = rows["n_events"]
    heads = [i for i, c in enumerate(counts) for _ in range(c)]
    origin_seq = [None if i == 1 else s for i, c in enumerate(counts) for s in range(c)]
    events = events_of(
        t.EVENTS_WITH_FRAUD, rows["flow_id"], counts, rows["ts_utc"], origin_event_seq=origin_seq,
        origin_flow_id=[flows["origin_flow_id"][i] for i in heads], is_fraud_event=[i < 2 and s in {0, None} for i, s in zip(heads, origin_seq, strict=True)],
    )  # fmt: skip
    return {
        t.CAMPAIGNS.name: filled(t.CAMPAIGNS, 1, campaign_id=["C1"], target_flow_count=[2]),
        t.FLOWS_WITH_FRAUD.name: flows,
        t.EVENTS_WITH_FRAUD.name: events,
        **labelled(flows, events),
    }


def labelled(flows, events):
    n = flows.height
    label = ["FRAUD", "FRAUD", "ABUSE", *["LEGIT"] * (n - 3)]
    opened = [i in {3, 4} for i in range(n)]
    when = [START + timedelta(days=2) if o else None for o in opened]
    members = [f for f, o in zip(flows["flow_id"], opened, strict=True) if o]
    kinds = ("CASE_OPENED", "CUSTOMER_DISPUTE_FILED", "CASE_CLOSED")
    return {
        t.TRUTH.name: filled(
            t.TRUTH, n, flow_id=flows["flow_id"], is_fraud_truth=[x != "LEGIT" for x in label], fraud_label=label
        ),
        t.BANK_VIEW.name: filled(t.BANK_VIEW, n, flow_id=flows["flow_id"], case_opened_ts=when, case_closed_ts=when),
        t.EVENT_LABELS.name: filled(t.EVENT_LABELS, events.height, flow_id=events["flow_id"], event_seq=events["event_seq"]),
        t.CASES.name: filled(
            t.CASES, 3, case_id=[55] * 3, case_event_seq=[0, 1, 2], flow_id=[members[0]] * 3, case_event_type=kinds,
            ts_utc=[START + timedelta(days=2 + i) for i in range(3)], n_flows=[2] * 3,
        ),
        t.CASE_FLOWS.name: filled(t.CASE_FLOWS, 2, case_id=[55, 55], flow_id=members),
    }  # fmt: skip


def _cells(frame):
    return frame.with_columns(cell=pl.Series(cell_of(frame["party_id"].to_numpy())))


def _checks(evidence, measure, frame, *names):
    counted = _cells(frame).group_by("cell").agg(n=pl.len().cast(pl.Int64)).with_columns(bad=pl.lit(0, pl.Int64))
    for name in names:
        evidence.put(measure, counted.with_columns(check=pl.lit(name)))


def measure_s1(frames):
    evidence = Evidence()
    ledger.ledger_arrivals(evidence, frames[t.SESSION_ARRIVALS.name])
    ledger.ledger_sessions(evidence, frames[t.SESSIONS.name])
    return evidence


def measure_s2(frames):
    evidence = Evidence()
    ledger.ledger_s2(evidence, frames)
    flows = _cells(frames[t.FLOWS.name])
    evidence.count(FLOW_TYPES, flows)
    evidence.count(SESSION_FLOWS, flows.group_by("cell", "session_id").agg(n_flows=pl.len().cast(pl.Int64)))
    _checks(evidence, FLOW_CHECKS, flows, "time_monotone", "seq_contiguous", "horizon", "guard_span")
    return evidence


def measure_s3(frames):
    evidence = Evidence()
    ledger.ledger_s3(evidence, frames)
    flows = _cells(frames[t.FLOWS_WITH_FRAUD.name])
    tagged = flows.filter(pl.col("campaign_id").is_not_null()).with_columns(day=pl.lit(0, pl.Int64))
    evidence.count(CAMPAIGN_FLOWS, tagged)
    evidence.count(CAMPAIGN_HOURS, tagged)
    evidence.count(OVERLAY, flows)
    _checks(evidence, FLOW_CHECKS, flows, "time_monotone", "seq_contiguous")
    return evidence


def measure_s4(frames):
    evidence = Evidence()
    ledger.ledger_s4(evidence, frames)
    flows = _cells(frames[t.FLOWS_WITH_FRAUD.name]).with_columns(campaign=pl.col("campaign_id").is_not_null())
    evidence.count(TRUTH, flows)
    viewed = frames[t.BANK_VIEW.name].with_columns(case_opened=pl.col("case_opened_ts").is_not_null())
    labels = frames[t.TRUTH.name].select("flow_id", "fraud_label")
    evidence.count(BANK, viewed.join(labels, on="flow_id").join(flows.select("flow_id", "cell"), on="flow_id"))
    events = frames[t.CASES.name].join(flows.select("flow_id", "cell"), on="flow_id")
    evidence.count(CASE_EVENTS, events)
    span = (pl.col("ts_utc").max() - pl.col("ts_utc").min()).dt.total_seconds()
    cases = events.group_by("cell", "case_id").agg(
        pl.col("n_flows").max(), n_events=pl.len().cast(pl.Int64), duration_s=span
    )
    evidence.count(CASES, cases)
    evidence.count(CASE_SPANS, cases.with_columns(non_monotone=pl.lit(value=False)))
    _checks(evidence, LABEL_CHECKS, flows, "covered")
    return evidence


def _drawn(family, decision):
    def implied(evidence, _policy):
        rows = evidence.table("keys").filter(
            pl.col("key_set").cast(pl.String).is_in([t.SESSION_ARRIVALS.name, t.FLOWS.name])
        )
        return rows.select("cell", family=pl.lit(family), decision=pl.lit(decision), n="n")

    return implied


def _undrawn(_evidence, _policy):
    return pl.DataFrame(schema={"cell": pl.UInt8, "family": pl.String, "decision": pl.String, "n": pl.Int64})


def states():
    def record(name, reads, measure, implied):
        return RowState(name, "", (), reads, t.OUTPUTS[name], None, {}, measure, implied)

    return (
        record("S1", (), measure_s1, _drawn("entity_attach", "ATTACH_PARTY")),
        record("S2", (t.SESSION_ARRIVALS,), measure_s2, _drawn("flow_shape", "FLOW_TYPE")),
        record("S3", t.OUTPUTS["S2"], measure_s3, _undrawn),
        record("S4", t.OUTPUTS["S3"][1:], measure_s4, _undrawn),
    )


def evidence_of(frames):
    """Merged evidence of all states, draws included."""
    out = {}
    for state in states():
        measured = state.measure({d.name: frames[d.name] for d in (*state.reads, *state.writes)})
        drawn = state.implied_draws(merged([measured]), None)
        if drawn.height:
            measured.put(DRAWS, drawn)
        out[state.name] = merged([measured])
    return out


def publish(frames, root):
    """Write every dataset as two parts, cut between parties; returns the inputs."""
    inputs = {}
    flows = frames[t.FLOWS_WITH_FRAUD.name]
    owner = dict(zip(flows["flow_id"], flows["party_id"], strict=True))
    first = set(PARTIES[:3])
    for dataset in (d for outputs in t.OUTPUTS.values() for d in outputs):
        frame, parts = frames[dataset.name], []
        if dataset is t.CAMPAIGNS:
            early = pl.Series([True] * frame.height)
        elif "party_id" in frame.columns:
            early = frame["party_id"].is_in(list(first))
        else:
            early = pl.Series([owner.get(f) in first for f in frame["flow_id"]], dtype=pl.Boolean)
        for index, rows in enumerate((frame.filter(early), frame.filter(~early))):
            if rows.height:
                cells = cell_of(np.array(PARTIES[:3] if index == 0 else PARTIES[3:], np.int64))
                path = root / dataset.name / f"part-{index:05d}.parquet"
                with PartWriter(dataset, path, "snappy", "E_TEST") as writer:
                    writer.write(rows)
                parts.append(WrittenPart(path.name, rows.height, 0, (int(cells.min()), int(cells.max()))))
        inputs[dataset.name] = Input(root / dataset.name, tuple(parts))
    return inputs


@dataclass
class World:
    """As much of a sealed world as S5 reads."""

    root: Path
    files: dict
    tables: dict
    start: datetime = START
    end: datetime = END

    def table(self, dataset, columns=None):
        return self.tables[dataset.name].select(columns)


def base_tables():
    party = pl.Series(PARTIES)
    links = {"device_id": party + 4000, "party_id": party, "merchant_id": [None] * len(PARTIES)}
    return {
        w.PARTIES.name: pl.DataFrame({"party_id": party}),
        w.ACCOUNTS.name: pl.DataFrame({"account_id": party + 2000, "owner_party_id": party}),
        w.INSTRUMENTS.name: pl.DataFrame({"instrument_id": party + 3000, "account_id": party + 2000}),
        w.DEVICES.name: pl.DataFrame({"device_id": party + 4000}),
        w.IPS.name: pl.DataFrame({"ip_id": party + 5000}),
        w.IP_LINKS.name: pl.DataFrame({"ip_id": party + 5000, "device_id": party + 4000}),
        w.DEVICE_LINKS.name: pl.DataFrame(links, schema_overrides={"merchant_id": pl.Int64}),
    }


def sealed_row(root, path):
    digest = hashlib.sha256((root / path).read_bytes()).hexdigest()
    return {"manifest_key": path, "path_template": path, "status": "REQUIRED", "sha256_hex": digest}


def bundles(root):
    """Nine sealed bundles and an arrival file; what is said of the bundles."""
    segments = {}
    for segment in SEGMENTS:
        folder = root / segment
        write_json(folder / "report.json", {"segment": segment})
        write_index(folder, [IndexItem("report.json", "REPORT")], {})
        digest = write_flag(folder).read_text().split()[-1]
        flag = f"{segment}/_passed.flag"
        segments[segment] = {"status": "PASS", "bundle_path": segment, "bundle_sha256": digest, "flag_path": flag}
    (root / "arrivals.parquet").write_bytes(b"arrivals")
    return segments


def upstream_of(root, segments, frames, packs):
    """The bundles below `root` and the arrival file, as S0 sealed them."""
    files = [s["flag_path"] for s in segments.values()]
    rows = [sealed_row(root, path) for path in (*files, "arrivals.parquet")]
    own = {f"policy://{name}": packs.pack_hash(name) for name in packs.plain()}
    own |= {f"contract://{name}": digest for name, digest in own_contracts().items()}
    rows += [{"manifest_key": n, "path_template": n, "status": "REQUIRED", "sha256_hex": d} for n, d in own.items()]
    receipt = {
        "manifest_fingerprint": FINGERPRINT, "upstream_segments": copy.deepcopy(segments), "sealed_inputs_digest_6B": sealed_digest(rows),
    }  # fmt: skip
    arrivals = frames[t.SESSION_ARRIVALS.name]
    return Upstream(root, receipt, rows, arrivals.height, key_sum([arrivals["merchant_id"], arrivals["arrival_seq"]]))


def board(**failing):
    gates = {}
    for number in range(1, 23):
        gate_id = f"T{number}"
        status = failing.get(gate_id, Status.PASS)
        gates[gate_id] = GateResult(
            gate_id,
            f"gate {number}",
            "share",
            "hard",
            "CRITICAL",
            ("S4",),
            0.5,
            0.5,
            None,
            10,
            status,
            status,
            ">= 0.1",
            ">= 0.2",
        )
    given = {
        "run_id": "r",
        "seed": 42,
        "gate_file": "v1",
        "gates": gates,
        "statistics": (),
        "verdict": Verdict.PASS_B,
        "phase_decision": "UNLOCK_P1",
    }
    extra = {"gate_file_digest": "0" * 64} if "gate_file_digest" in GateBoard.__dataclass_fields__ else {}
    return GateBoard(**given, **extra)


def wide(pack):
    """The full validation pack with corridors that six parties can keep."""

    def widen(node):
        if isinstance(node, dict) and set(node) == {"low", "high"}:
            return {"low": 0.0, "high": 1e9}
        return {k: widen(v) for k, v in node.items()} if isinstance(node, dict) else node

    plain = pack.model_dump(mode="json")
    plain["corridors"] = widen(plain["corridors"])
    return typed(validation, plain)


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """The hand-made run, its evidence and its published rows: made once, changed by nobody."""
    frames = handmade()
    return frames, evidence_of(frames), publish(frames, tmp_path_factory.mktemp("sound"))


@pytest.fixture
def frames(sound):
    return dict(sound[0])


@pytest.fixture(scope="session")
def sealed(tmp_path_factory):
    """The bundles, made once, and what is said of them; every request reads a copy of its own."""
    folder = tmp_path_factory.mktemp("bundles")
    return folder, bundles(folder)


@pytest.fixture
def request_of(tmp_path, sound, sealed):
    """`request_of(frames, evidence=…, …)`: a request over published frames; the evidence is theirs by default."""

    def build(frames, **changes):
        packs = Packs(
            behaviour=changes.pop("behaviour", None) or policy("behaviour", "full"),
            validation=wide(policy("validation", "full")),
            rng=register(),
        )
        axes = Axes(FINGERPRINT, "cd" * 32, 42, "baseline_v1")
        shutil.copytree(sealed[0], tmp_path / "world", dirs_exist_ok=True)
        upstream = upstream_of(tmp_path / "world", sealed[1], frames, packs)
        same = all(frames[name] is frame for name, frame in sound[0].items())
        request = ValidationRequest(
            axes=axes,
            draws=Draws(FINGERPRINT, 42, "baseline_v1"),
            policy=packs,
            states=states(),
            evidence=changes.pop("evidence", None) or (sound[1] if same else evidence_of(frames)),
            inputs=sound[2] if same else publish(frames, tmp_path / "run"),
            catalogue=frames[t.CAMPAIGNS.name],
            world=World(tmp_path / "world", {"arrival_events_5B": ("arrivals.parquet",)}, base_tables()),
            upstream=upstream,
            board=board(),
            audit="full",
            executor=Threads(1),
            folder=tmp_path / "out",
        )
        return replace(request, **changes)

    return build


@pytest.fixture
def policy_of():
    """`policy_of("validation", "full", corridors__case__chargeback__high=0.5)`."""
    return policy


@pytest.fixture(name="evidence_of")
def _evidence_of():
    return evidence_of


@pytest.fixture
def board_of():
    """`board_of(T2="FAIL")`: every gate passes but the ones named."""
    return lambda **failing: board(**{gate: Status(status) for gate, status in failing.items()})
