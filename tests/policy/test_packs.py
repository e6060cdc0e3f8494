"""All packs together: one hash, one message for everything wrong, and packs that must fit each other."""

import copy
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from seg6b.errors import UsageError
from seg6b.policy.packs import PACKS, load_policies

CONF = Path(__file__).resolve().parents[2] / "conf" / "policy"


def plain(variant="full"):
    return {p: yaml.safe_load((CONF / p / f"{variant}.yaml").read_text()) for p in PACKS}


@pytest.mark.parametrize("variant", ["full", "lean"])
def test_every_pack_has_both_variants(variant):
    assert len(load_policies(plain(variant)).parameter_hash) == 64


def test_the_hash_is_over_content_alone():
    base = load_policies(plain())
    turned = {p: dict(reversed(pack.items())) for p, pack in reversed(plain().items())}
    assert load_policies(turned).parameter_hash == base.parameter_hash


def test_the_hash_is_what_the_docstring_says():
    policies = load_policies(plain())
    hashes = [hashlib.sha256(f"{p}:{policies.canonical(p)}".encode()).hexdigest() for p in sorted(PACKS)]
    assert policies.parameter_hash == hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def test_any_changed_number_changes_the_hash_of_its_pack_alone():
    changed = copy.deepcopy(plain())
    changed["case"]["window_s"] += 1
    base, other = load_policies(plain()), load_policies(changed)
    assert base.parameter_hash != other.parameter_hash
    assert [p for p in PACKS if base.pack_hash(p) != other.pack_hash(p)] == ["case"]


def test_the_plain_form_loads_again():
    policies = load_policies(plain())
    again = load_policies(json.loads(json.dumps(policies.plain())))
    assert again == policies


def test_all_faults_of_all_packs_are_told_at_once():
    broken = plain() | {"colour": {}}
    broken["case"]["window"] = 1
    del broken["delay"]
    with pytest.raises(UsageError) as told:
        load_policies(broken)
    for words in ("colour: no such pack", "delay: missing", "window", "E_POLICY_INVALID"):
        assert words in str(told.value)


def test_packs_that_do_not_fit_each_other():
    misfit = copy.deepcopy(plain())
    misfit["attachment"]["account_classes"]["ECOM"] = ["DEPOSIT", "CREDIT_INSTALLMENT"]
    with pytest.raises(UsageError, match=r"E_POLICY_MISMATCH.*prior\.account\.BUSINESS\.ECOM"):
        load_policies(misfit)
