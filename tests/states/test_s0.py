import hashlib
import json
import shutil

import polars as pl
import pytest

from seg6b.datasets import world_tables as w
from seg6b.datasets.parts import read_part
from seg6b.runs.axes import Axes
from seg6b.runs.disk import sha256_of
from seg6b.shards.executor import Threads
from seg6b.states.s0_gate.seal import Sealing, seal
from seg6b.world.manifest import read_manifest
from seg6b.world.provide import WorldSettings, provide
from seg6b.world.sealed import SealedWorld

PH = "1" * 64
SEALING = Sealing({"amount": "2" * 64, "truth": "3" * 64}, {"gates_v1": "4" * 64})
FIELDS = {
    "manifest_fingerprint", "owner_layer", "owner_segment", "manifest_key", "path_template", "schema_ref", "partition_keys",
    "role", "status", "read_scope", "sha256_hex", "upstream_bundle_id", "notes",
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return provide(WorldSettings("tiny", 5_000, 1), tmp_path_factory.mktemp("worlds"))


@pytest.fixture
def root(made, tmp_path):
    """A copy of the world that may be damaged."""
    copy = tmp_path / made.manifest_fingerprint
    shutil.copytree(made.root, copy)
    for path in copy.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return copy


@pytest.fixture
def gate(tmp_path):
    """`gate(world)`: S0 of a run on it, written into a folder that stands for the run's."""

    def run(world, **changes):
        axes = Axes(
            **(
                {
                    "manifest_fingerprint": world.manifest_fingerprint,
                    "parameter_hash": PH,
                    "seed": 42,
                    "scenario_id": "baseline_v1",
                }
                | changes
            )
        )
        return seal(world, axes, SEALING, tmp_path / "run", Threads(2))

    return run


def reopened(root):
    """The world as a state finds it that opened it before the damage."""
    manifest = read_manifest(root)
    start, end = manifest.horizon
    files = {n: s.files for n, s in manifest.datasets.items()}
    digests = {n: s.digest for n, s in manifest.datasets.items()}
    return SealedWorld(
        root,
        manifest.manifest_fingerprint,
        manifest.scenario_id,
        start,
        end,
        manifest.arrivals,
        files,
        digests,
        manifest,
    )


def test_the_receipt_has_the_fields_of_the_contract(made, gate):
    receipt = json.loads(gate(made).files[0].read_text())
    assert set(receipt) == {
        "manifest_fingerprint", "parameter_hash", "spec_version_6B", "upstream_segments", "contracts_6B", "sealed_inputs_digest_6B",
    }  # fmt: skip
    assert list(receipt["upstream_segments"]) == ["1A", "1B", "2A", "2B", "3A", "3B", "5A", "5B", "6A"]
    assert set(receipt["upstream_segments"]["5B"]) == {"status", "bundle_path", "bundle_sha256", "flag_path"}
    assert set(receipt["contracts_6B"]["gates_v1"]) == {"logical_id", "path", "sha256_hex", "schema_ref", "role"}


def test_rows_have_thirteen_fields_in_order_and_the_digest_is_theirs(made, gate):
    outcome = gate(made)
    rows = json.loads(outcome.files[1].read_text())
    assert all(set(row) == FIELDS for row in rows)
    keys = [(r["owner_layer"], r["owner_segment"], r["manifest_key"], r["path_template"]) for r in rows]
    assert keys == sorted(keys)
    assert len({k[:3] for k in keys}) == len(keys)
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode())
    assert digest.hexdigest() == outcome.digest == json.loads(outcome.files[0].read_text())["sealed_inputs_digest_6B"]


def test_every_file_and_policy_is_sealed_with_its_digest(made, gate):
    rows = {r.path_template: r for r in gate(made).rows}
    for name in made.manifest.files:
        if name.endswith((".parquet", "_passed.flag")) or "sealed_inputs" in name:
            assert rows[name].sha256_hex == sha256_of(made.root / name)
    assert rows["policy://amount"].sha256_hex == "2" * 64
    assert rows["gates://gates_v1"].role == "gates"
    assert {r.role for r in rows.values()} == {
        "arrival_stream", "entity_graph", "static_posture", "merchant_profile", "upstream_gate", "policy", "contract", "gates",
    }  # fmt: skip


def test_products_lie_where_the_contract_says(made, gate, tmp_path):
    fp = made.manifest_fingerprint
    assert [str(p.relative_to(tmp_path / "run")) for p in gate(made).files] == [
        f"data/layer3/6B/s0_gate_receipt/manifest_fingerprint={fp}/s0_gate_receipt_6B.json",
        f"data/layer3/6B/sealed_inputs/manifest_fingerprint={fp}/sealed_inputs_6B.json",
    ]


def test_the_gate_says_the_same_twice(made, gate):
    assert gate(made).digest == gate(made).digest


def flip(path):
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def one(root, name):
    return next(root.rglob(name))


def reseal(root, name):
    """Make the seal agree with a changed file, as a careful forger would."""
    manifest = json.loads((root / "world.json").read_text())
    path = one(root, name)
    manifest["files"][str(path.relative_to(root))]["sha256"] = sha256_of(path)
    (root / "world.json").write_text(json.dumps(manifest))


def forge(root, change):
    manifest = json.loads((root / "world.json").read_text())
    change(manifest)
    (root / "world.json").write_text(json.dumps(manifest))


def other_schema(root):
    path = one(root, "s1_party_base_6A.parquet")
    frame = read_part(path).with_columns(pl.col("segment_id").cast(pl.String))
    frame.write_parquet(path)
    reseal(root, path.name)


REFUSALS = {
    "altered": (lambda r: flip(one(r, "s4_device_links_6A.parquet")), "E_S0_FILE_ALTERED: a sealed file is altered .*s4_device_links_6A.parquet"),
    "altered-arrivals": (lambda r: flip(one(r, "part-00000.parquet")), "E_S0_FILE_ALTERED: .*part-00000.parquet"),
    "missing": (lambda r: one(r, "s4_ip_base_6A.parquet").unlink(), "E_S0_FILE_MISSING: a sealed file is missing .*s4_ip_base_6A.parquet"),
    "segment-missing": (lambda r: one(r / "data/layer1/2A", "_passed.flag").unlink(), "E_S0_SEGMENT_MISSING: upstream segment 2A has not passed"),
    "segment-unlisted": (lambda r: forge(r, lambda m: m["segments"].pop("3B")), "E_S0_SEGMENT_MISSING: upstream segment 3B is not part"),
    "flag-mismatch": (
        lambda r: one(r / "data/layer1/2A", "_passed.flag").write_text(f"sha256_hex = {'0' * 64}\n"),
        "E_S0_FLAG_MISMATCH: the flag of segment 2A does not match its bundle",
    ),
    "flag-resealed": (lambda r: rebundle(r, "2A"), "E_S0_FLAG_MISMATCH: the flag of segment 2A is not the one that was sealed"),
    "bundle-altered": (
        lambda r: one(r / "data/layer1/1B", "validation_report.json").write_text("{}"),
        "E_S0_FILE_ALTERED: a file of the bundle of segment 1B was altered",
    ),
    "list-altered": (lambda r: flip(one(r, "sealed_inputs_5A.json")), "E_S0_FILE_ALTERED: .*sealed_inputs_5A.json"),
    "unsealed-file": (
        lambda r: shutil.copy(one(r, "part-00000.parquet"), one(r, "part-00000.parquet").with_name("part-00001.parquet")),
        "E_S0_FILE_UNSEALED: a file in the world's folder that nobody sealed .*part-00001.parquet",
    ),
    "schema": (other_schema, "E_S0_SCHEMA_UNKNOWN: 1 columns break the contract .*got segment_id is"),
    "table-unlisted": (lambda r: forge(r, lambda m: m["datasets"].pop("s5_ip_fraud_roles_6A")), "E_S0_TABLE_MISSING: .*s5_ip_fraud_roles_6A"),
    "contract-drift": (lambda r: forge(r, lambda m: m.update(contract="0" * 64)), "E_S0_CONTRACT_DRIFT: the world was sealed under another contract"),
    "fingerprint": (
        lambda r: forge(r, lambda m: m["datasets"]["merchant_seed"].update(digest="50:00")),
        "E_S0_FINGERPRINT: the seal names another content",
    ),
}  # fmt: skip


def rebundle(root, segment):
    """A bundle that is sound in itself, yet not the sealed one."""
    folder = one(root / f"data/layer1/{segment}", "_passed.flag").parent
    (folder / "validation_report.json").write_text("{}")
    digest = hashlib.sha256(b"{}").hexdigest()
    (folder / "index.json").write_text(
        json.dumps({"items": [{"path": "validation_report.json", "sha256_hex": digest}]})
    )
    (folder / "_passed.flag").write_text(f"sha256_hex = {digest}\n")


@pytest.mark.parametrize("case", REFUSALS)
def test_each_damage_is_refused_and_nothing_is_written(root, gate, tmp_path, case):
    damage, message = REFUSALS[case]
    damage(root)
    with pytest.raises(Exception, match=message) as caught:
        gate(reopened(root))
    assert caught.value.exit_code == 1
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change", [{"manifest_fingerprint": "0" * 64}, {"scenario_id": "stress"}], ids=["world", "scenario"]
)
def test_a_run_that_names_another_world(made, gate, change):
    with pytest.raises(Exception, match=r"E_S0_AXES: the run names another world or scenario"):
        gate(made, **change)


def test_the_key_sum_is_that_of_the_keys(made):
    from seg6b.draws.mix import entities2

    keys = pl.concat([read_part(p, ["merchant_id", "arrival_seq"]) for p in made.arrival_parts()])
    hashes = entities2(keys["merchant_id"].to_numpy(), keys["arrival_seq"].to_numpy())
    total = sum(int(h) for h in hashes) & (2**64 - 1)
    assert made.arrival_key_sum & (2**64 - 1) == total
    assert set(made.files) == {d.name for d in (w.ARRIVALS, *w.WORLD_TABLES)}
