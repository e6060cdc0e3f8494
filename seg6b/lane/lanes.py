"""Lane files: each YAML below `lanes/` is a choice of Hydra's group `lane`; its candidates are overrides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from seg6b.settings.job import Alternative, Lane

LANES: Final = Path(__file__).resolve().parents[2] / "lanes"

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_WORDS: Final = {"true", "false", "null", "nan", "inf", "none"}


def register_lanes(folder: Path = LANES) -> dict[str, str]:
    """Make each file of `folder` known as `lane=<its name>`; a file that is no lane comes back with the reason.

    Keys are checked against the schema when a lane is composed, so that a file which is being edited stops nobody
    who does not ask for it.
    """
    faults = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            node = _read(path)
        except (OSError, ValueError, yaml.YAMLError) as error:
            faults[path.stem] = " ".join(str(error).split())
            continue
        ConfigStore.instance().store(group="lane", name=path.stem, node=node, package="_global_", provider=str(path))
    return faults


def unlocking(marker: str, folder: Path = LANES) -> tuple[tuple[str, str], ...]:
    """Id and file name of every lane whose closing rule gives `marker`."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            lane = _read(path)["lane"]
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if (lane.get("closure") or {}).get("unlocks") == marker:
            found.append((str(lane["id"]), path.stem))
    return tuple(found)


def lane_of(name: str, folder: Path = LANES) -> Lane:
    """The lane file `name` as it stands there, without its closing rule, for whoever is no Hydra job.

    Args:
        name: file name without its ending.
        folder: where lane files lie.
    """
    plain = _read(folder / f"{name}.yaml")["lane"]
    return Lane(
        id=str(plain["id"]),
        kind=str(plain.get("kind", "")),
        owner=str(plain.get("owner", "")),
        goal=str(plain.get("goal", "")),
        alternatives=tuple(Alternative(**item) for item in plain.get("alternatives") or ()),
        requires=tuple(plain.get("requires") or ()),
        history=tuple(plain.get("history") or ()),
        candidates=tuple(plain.get("candidates") or ()),
        repeats=int(plain.get("repeats") or 0),
        confirm=bool(plain.get("confirm", True)),
    )


def as_overrides(candidate: Mapping[str, Any]) -> tuple[str, ...]:
    """A candidate of a lane file as Hydra overrides.

    >>> as_overrides({"s4.batch_rows": 500000, "s4.compression": "snappy", "policy/amount": "lean"})
    ('s4.batch_rows=500000', 's4.compression=snappy', 'policy/amount=lean')
    """
    return tuple(f"{key}={_written(value)}" for key, value in candidate.items())


def _read(path: Path) -> dict[str, Any]:
    """The file as plain data; OmegaConf's own loader refuses double keys."""
    node = OmegaConf.to_container(OmegaConf.load(path))
    lane = node.get("lane") if isinstance(node, dict) else None
    if not isinstance(node, dict) or not isinstance(lane, dict) or not lane.get("id"):
        raise ValueError("it has no `lane:` with an `id:`")
    return {str(key): value for key, value in node.items()}


def _written(value: object) -> str:
    """A value in the grammar of Hydra's overrides."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_written(str(k))}:{_written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_written(v) for v in value) + "]"
    if isinstance(value, str) and not (_PLAIN.fullmatch(value) and value.lower() not in _WORDS):
        quoted = re.sub(r"(\\*)'", r"\1\1\\'", value)
        tail = re.search(r"\\*$", quoted)
        return f"'{quoted}{tail.group() if tail else ''}'"
    return str(value)
