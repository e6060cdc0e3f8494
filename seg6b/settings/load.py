"""From Hydra's config to a `Job`: the last place that knows OmegaConf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

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
from seg6b.settings.rules import require_sound


def load_job(config: DictConfig, choices: Mapping[str, str]) -> Job:
    """A checked `Job`; every refused value is named with its key.

    Args:
        config: the composed config.
        choices: Hydra's choice for each group, such as `policy/amount` → `full`.

    Raises:
        UsageError: a value is missing, refers to nothing or is out of range, or a pack is not acceptable.
    """
    plain = _plain(config)
    require_sound(plain)
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
        knobs={state: StateKnobs(**plain[state.lower()]) for state in ("S1", "S2", "S3", "S4", "S5")},
        threads=plain["executor"]["threads"],
        tracking=TrackingChoice(**plain["tracking"]),
        gates=plain["gates"],
        budgets=plain["budgets"],
        source_run=plain["source_run"],
        arm=ArmChoice(**plain["arm"]),
        prune=PruneChoice(**plain["prune"]),
        dry=plain["dry"],
    )


def _plain(config: DictConfig) -> dict[str, Any]:
    """The config as plain data, every reference followed."""
    try:
        plain = OmegaConf.to_container(config, resolve=True, enum_to_str=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        key = str(error.full_key or "")
        raise UsageError("E_CONFIG", str(error).splitlines()[0], key, hint="See --cfg job.") from error
    return cast("dict[str, Any]", plain)


def _lane(plain: Mapping[str, Any]) -> Lane:
    lists = {key: tuple(plain[key]) for key in ("history", "requires", "candidates")}
    alternatives = tuple(Alternative(**item) for item in plain["alternatives"])
    closure: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain["closure"].items()}
    return Lane(**{**plain, **lists, "alternatives": alternatives, "closure": ClosureRule(**closure)})
