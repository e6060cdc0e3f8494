from __future__ import annotations

import hashlib
import json

import pytest

from seg6b.errors import Damaged
from seg6b.runs.flag import FLAG, INDEX, IndexItem, bundle_digest, read_flag, verify_bundle, write_flag, write_index


@pytest.fixture
def bundle(tmp_path):
    (tmp_path / "b.json").write_bytes(b"second")
    (tmp_path / "a.bin").write_bytes(b"first")
    write_index(
        tmp_path, [IndexItem("b.json", "REPORT", "ref"), IndexItem("a.bin", "TABLE")], {"manifest_fingerprint": "f"}
    )
    write_flag(tmp_path)
    return tmp_path


def test_the_flag_is_one_line_over_the_bytes_in_path_order(bundle):
    digest = hashlib.sha256(b"first" + b"second").hexdigest()
    assert (bundle / FLAG).read_bytes() == f"sha256_hex = {digest}\n".encode()
    assert verify_bundle(bundle) == bundle_digest(bundle) == read_flag(bundle / FLAG) == digest


def test_the_index_lists_files_by_path_and_never_the_flag(bundle):
    index = json.loads((bundle / INDEX).read_text())
    assert index["manifest_fingerprint"] == "f"
    assert [i["path"] for i in index["items"]] == ["a.bin", "b.json"]
    assert index["items"][1] == {
        "path": "b.json",
        "role": "REPORT",
        "schema_ref": "ref",
        "sha256_hex": hashlib.sha256(b"second").hexdigest(),
    }


def test_an_unsealed_bundle_is_checked_without_a_flag(bundle):
    (bundle / FLAG).unlink()
    verify_bundle(bundle, sealed=False)
    with pytest.raises(Damaged, match="E_FLAG_UNREADABLE"):
        verify_bundle(bundle)


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda b: (b / "a.bin").write_bytes(b"First"), "E_BUNDLE_ALTERED"),
        (lambda b: (b / "a.bin").unlink(), "E_BUNDLE_ALTERED"),
        (lambda b: (b / FLAG).write_text(f"sha256_hex = {'0' * 64}\n"), "E_FLAG_MISMATCH"),
        (lambda b: (b / FLAG).write_text("passed"), "E_FLAG_MALFORMED"),
        (lambda b: (b / FLAG).write_text(f"sha256_hex = {'0' * 63}G\n"), "E_FLAG_MALFORMED"),
        (lambda b: (b / INDEX).unlink(), "E_INDEX_UNREADABLE"),
        (lambda b: (b / INDEX).write_text("{}"), "E_INDEX_UNREADABLE"),
        (lambda b: (b / INDEX).write_text('{"items": [{"path": "b"}, {"path": "a"}]}'), "E_INDEX_ORDER"),
        (lambda b: (b / INDEX).write_text('{"items": [{"path": "../a"}]}'), "E_INDEX_ORDER"),
        (lambda b: (b / INDEX).write_text('{"items": [{"path": "_passed.flag"}]}'), "E_INDEX_ORDER"),
    ],
    ids=["byte", "file", "digest", "words", "hex", "index", "shape", "order", "outside", "itself"],
)
def test_every_damage_is_named(bundle, damage, code):
    damage(bundle)
    with pytest.raises(Damaged, match=code):
        verify_bundle(bundle)
