"""What a setting may be: ranges, words and shapes that types alone do not say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from seg6b.datasets.tables import OUTPUTS
from seg6b.errors import UsageError

MAX_SHARDS: Final = 4096
MAX_SEED: Final = 2**63 - 1
MAX_ROUNDS: Final = 12

KINDS: Final = ("optimisation", "remediation", "baseline", "witness", "certification")
ON_FAILURE: Final = ("continue", "stop", "retry")
TIMED: Final = "optimisation"
WITNESS: Final = "witness"
WITNESS_SEEDS: Final = 2
SCORERS: Final = {TIMED: "runtime", "remediation": "realism"}
BASES: Final = ("last_good",)
LEVELS: Final = ("b", "bplus")
OWNERS: Final = ("S1", "S2", "S3", "S4", "S5")
WRITTEN: Final = tuple(dataset.name for written in OUTPUTS.values() for dataset in written)
SOURCES: Final = ("any", "none", "authority", "last_good")

_LANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MARKER: Final = re.compile(r"[A-Z0-9][A-Z0-9._]*")
_GATE: Final = re.compile(r"T([1-9]|1[0-9]|2[0-2])|X[1-5]")
_RUN: Final = re.compile(r"[0-9a-f]{4,32}")
_KNOB: Final = re.compile(r"s[1-5]\.\w+|executor\.threads")
_VARIES: Final = re.compile(
    r"s[1-5]\.\w+|executor\.\w+|policy/\w+|policy\.[\w.]+|posture|seed|scenario_id|world([.]\w+)?"
)

Rule = tuple[str, Any, bool, str]


def require_sound(plain: Mapping[str, Any]) -> None:
    """Refuse the first value that is out of range, by its key.

    Raises:
        UsageError: `E_CONFIG_VALUE`.
    """
    for key, value, holds, expected in _rules(plain):
        if not holds:
            raise UsageError("E_CONFIG_VALUE", "a setting is out of range", key, str(value), expected, "")


def _rules(plain: Mapping[str, Any]) -> Iterator[Rule]:
    yield from _job_rules(plain)
    yield from _lane_rules(plain["lane"])
    yield from _closure_rules(plain["lane"]["closure"], plain["lane"]["kind"])
    yield from _slot_rules(plain["arm"])
    yield from _bench_rules(plain)


def _job_rules(plain: Mapping[str, Any]) -> Iterator[Rule]:
    shards, world, executor = plain["s1"]["shards"], plain["world"], plain["executor"]
    yield "seed", plain["seed"], 0 <= plain["seed"] <= MAX_SEED, f"0 .. {MAX_SEED}"
    yield "world.seed", world["seed"], 0 <= world["seed"] <= MAX_SEED, f"0 .. {MAX_SEED}"
    yield _at_least("world.arrivals", world["arrivals"], 1)
    yield "executor.threads", executor["threads"], executor["threads"] >= 0, "0 (all cores) or more"
    yield "executor.kind", executor["kind"], executor["kind"] == "local", "local"
    power = shards >= 0 and shards & (shards - 1) == 0 and shards <= MAX_SHARDS
    yield "s1.shards", shards, power, f"0 or a power of two up to {MAX_SHARDS}"
    for state in ("s1", "s2", "s3", "s4"):
        yield _at_least(f"{state}.batch_rows", plain[state]["batch_rows"], 1)
    for state in ("s2", "s3", "s4"):
        yield _at_least(f"{state}.target_file_mb", plain[state]["target_file_mb"], 1)


def _lane_rules(lane: Mapping[str, Any]) -> Iterator[Rule]:
    yield "lane.id", lane["id"], bool(_LANE_ID.fullmatch(lane["id"])), "letters, digits, `.`, `_` and `-`, 64 at most"
    yield _one_of("lane.kind", lane["kind"], KINDS, empty="what varies decides")
    yield _one_of("lane.base", lane["base"], BASES, empty="what the command composes")
    yield _one_of("lane.on_failure", lane["on_failure"], ON_FAILURE)
    yield _at_least("lane.retries", lane["retries"], 0)
    repeats, most = lane["repeats"], lane["max_repeats"]
    yield "lane.repeats", repeats, repeats == 0 or 2 <= repeats <= MAX_ROUNDS, f"0 (by kind) or 2 .. {MAX_ROUNDS}"
    least = max(repeats, 2)
    yield "lane.max_repeats", most, least <= most <= MAX_ROUNDS, f"{least} .. {MAX_ROUNDS}, not below lane.repeats"
    for marker in lane["requires"]:
        yield _marker("lane.requires", marker)
    for k, candidate in enumerate(lane["candidates"]):
        yield f"lane.candidates[{k}]", candidate, bool(candidate), "at least one override"
        for key in candidate:
            varies = bool(_VARIES.fullmatch(str(key)))
            yield (
                f"lane.candidates[{k}]",
                key,
                varies,
                "a knob (s4.batch_rows), a pack (policy/amount), posture or seed",
            )


def _closure_rules(closure: Mapping[str, Any], kind: str) -> Iterator[Rule]:
    due = [SCORERS[kind]] if kind in SCORERS else list(SCORERS.values())
    yield _one_of("lane.closure.scorer", closure["scorer"], due, empty="the kind decides")
    yield _one_of("lane.closure.state", closure["state"], OWNERS, empty="the first that varies")
    yield "lane.closure.min_reduction", closure["min_reduction"], 0.0 <= closure["min_reduction"] < 1.0, "0 .. 1"
    for key in ("target_s", "stretch_s"):
        yield _at_least(f"lane.closure.{key}", closure[key], 0)
    for key in ("min_fewer_parts", "max_slower"):
        yield f"lane.closure.{key}", closure[key], 0.0 <= closure[key] < 1.0, "0 .. 1"
    counted, limit = closure["datasets"], closure["max_slower"]
    named = bool(counted) == (closure["min_fewer_parts"] > 0.0)
    yield "lane.closure.datasets", counted, named, "datasets exactly where lane.closure.min_fewer_parts is above 0"
    yield "lane.closure.max_slower", limit, not limit or bool(counted), "0 without lane.closure.datasets"
    for name in counted:
        yield _one_of("lane.closure.datasets", name, WRITTEN)
    for key in closure["control"]:
        named = kind == "optimisation" and bool(_KNOB.fullmatch(str(key)))
        yield "lane.closure.control", key, named, "a knob (s4.batch_rows), in a lane of kind optimisation"
    witnessed = not closure["witness"] or kind in {"", TIMED}
    yield (
        "lane.closure.witness",
        closure["witness"],
        witnessed,
        f"false in a lane of kind {kind}: only a timed one has it",
    )
    seeds, least = closure["seeds"], WITNESS_SEEDS if kind == WITNESS else 0
    count = len(seeds) == len(set(seeds)) and (len(seeds) >= least if least else not seeds)
    yield "lane.closure.seeds", seeds, count, f"{least} different ones or more" if least else "none: no witness lane"
    for key in ("unlocks", "holds"):
        if closure[key]:
            yield _marker(f"lane.closure.{key}", closure[key])
    yield _one_of("lane.closure.level", closure["level"], LEVELS)
    for key in ("gates", "moves", "keeps", "falls"):
        for name in closure[key]:
            yield f"lane.closure.{key}", name, bool(_GATE.fullmatch(name)), "a gate: T1 .. T22 or X1 .. X5"
    for name in closure["owns"]:
        yield _one_of("lane.closure.owns", name, OWNERS)


def _slot_rules(arm: Mapping[str, Any]) -> Iterator[Rule]:
    sweep = arm["sweep"]
    yield "arm.sweep", sweep, not sweep or bool(re.fullmatch("[0-9a-f]{32}", sweep)), "empty, or the id of a sweep"
    yield "arm.name", arm["name"], bool(re.fullmatch(r"(control|c\d{2,4})?", arm["name"])), "control, c01, c02, …"
    for key in ("set_index", "round_index"):
        yield _at_least(f"arm.{key}", arm[key], 0)
    yield _one_of("arm.execute_from", arm["execute_from"], OWNERS, empty="link whatever is equal")


def _bench_rules(plain: Mapping[str, Any]) -> Iterator[Rule]:
    source = plain["source_run"]
    known = source in SOURCES or bool(_RUN.fullmatch(source))
    yield "source_run", source, known, f"{', '.join(SOURCES)}, or a run id (its first 4 digits or more)"
    yield _at_least("prune.expensive_arrivals", plain["prune"]["expensive_arrivals"], 1)
    yield _at_least("prune.grace_h", plain["prune"]["grace_h"], 0)


def _at_least(key: str, value: float, least: int) -> Rule:
    return key, value, least <= value < float("inf"), f"{least} or more"


def _one_of(key: str, value: str, words: Sequence[str], *, empty: str = "") -> Rule:
    allowed = ", ".join(words) + (f", or empty ({empty})" if empty else "")
    return key, value, value in words or bool(empty and not value), allowed


def _marker(key: str, value: str) -> Rule:
    return key, value, bool(_MARKER.fullmatch(value)), "a marker such as UNLOCK_POPT.3_CONTINUE"
