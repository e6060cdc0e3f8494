"""From Hydra's config to a `Job`: the last place that knows OmegaConf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from seg6b.datasets.parts import Compression
from seg6b.errors import UsageError
from seg6b.policy.packs import PACKS, load_policies
from seg6b.settings.job import (
    Alternative,
    ArmChoice,
    ClosureRule,
    Job,
    Lane,
    PruneChoice,
    TrackingChoice,
    WorldChoice,
)
from seg6b.settings.knobs import StateKnobs

MAX_SHARDS = 4096
MAX_SEED = 2**63 - 1


def load_job(config: DictConfig, choices: Mapping[str, str]) -> Job:
    """A checked `Job`; every refused value is named with its key.

    Args:
        config: the composed config.
        choices: Hydra's choice for each group, such as `policy/amount` → `full`.
    """
    plain = cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True, enum_to_str=True))
    _check(plain)
    return Job(
        root=Path(plain["root"]).resolve(),
        run_id=str(plain["run_id"]),
        seed=plain["seed"],
        scenario_id=plain["scenario_id"],
        lane=_lane(plain["lane"]),
        posture=plain["posture"],
        variants={pack: choices.get(f"policy/{pack}", "") for pack in PACKS},
        world=WorldChoice(**plain["world"]),
        policy=load_policies(plain["policy"]),
        knobs={state: _knobs(state, plain[state.lower()]) for state in ("S1", "S2", "S3", "S4", "S5")},
        threads=plain["executor"]["threads"],
        tracking=TrackingChoice(**plain["tracking"]),
        gates=plain["gates"],
        budgets=plain["budgets"],
        source_run=plain["source_run"],
        arm=ArmChoice(**plain["arm"]),
        prune=PruneChoice(**plain["prune"]),
        dry=plain["dry"],
    )


def _lane(plain: Mapping[str, Any]) -> Lane:
    lists = {key: tuple(plain[key]) for key in ("history", "requires", "candidates")}
    alternatives = tuple(Alternative(**item) for item in plain["alternatives"])
    return Lane(**{**plain, **lists, "alternatives": alternatives, "closure": ClosureRule(**plain["closure"])})


def _knobs(state: str, plain: Mapping[str, Any]) -> StateKnobs:
    if state == "S5":
        return StateKnobs(audit=plain["audit"])
    return StateKnobs(plain["batch_rows"], cast("Compression", plain["compression"]), plain.get("shards", 0))


def _check(plain: Mapping[str, Any]) -> None:
    shards = plain["s1"]["shards"]
    rules = [
        ("seed", plain["seed"], 0 <= plain["seed"] <= MAX_SEED, f"0 .. {MAX_SEED}"),
        ("world.seed", plain["world"]["seed"], 0 <= plain["world"]["seed"] <= MAX_SEED, f"0 .. {MAX_SEED}"),
        ("world.arrivals", plain["world"]["arrivals"], plain["world"]["arrivals"] >= 1, "1 or more"),
        ("executor.threads", plain["executor"]["threads"], plain["executor"]["threads"] >= 0, "0 (all cores) or more"),
        ("executor.kind", plain["executor"]["kind"], plain["executor"]["kind"] == "local", "local"),
        ("s1.shards", shards, shards >= 0 and shards & (shards - 1) == 0 and shards <= MAX_SHARDS,
         f"0 or a power of two up to {MAX_SHARDS}"),
        *(
            (f"{s}.batch_rows", plain[s]["batch_rows"], plain[s]["batch_rows"] >= 1, "1 or more")
            for s in ("s1", "s2", "s3", "s4")
        ),
    ]  # fmt: skip
    for key, value, holds, expected in rules:
        if not holds:
            raise UsageError("E_CONFIG_VALUE", "a setting is out of range", key, str(value), expected, "")
