"""The closing rule of a lane of parts: so many fewer in each dataset that it names, and no state slower.

Rewriting files is asked for no gain of time. What has to be shown is that nothing is lost: the whole interval of each
state that wrote one of the datasets lies below `1 + max_slower`. An interval about 1 that is wider than that shows
neither, and the arm is run on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seg6b.scoring.closure import PartCount, RunFacts


def counts_parts(rule: Mapping[str, Any]) -> bool:
    """Whether a closing rule asks for fewer parts."""
    return float(rule.get("min_fewer_parts") or 0.0) > 0.0


def slowest_ratio(rule: Mapping[str, Any]) -> float:
    """The ratio to the control below which a state has to stay: 1 asks for a gain, more than that for no loss."""
    return 1.0 + float(rule.get("max_slower") or 0.0)


def part_counts(
    rule: Mapping[str, Any], runs: Sequence[RunFacts], control: Sequence[RunFacts]
) -> tuple[PartCount, ...]:
    """Parts of the arm and of the control in each dataset of the rule; empty where it counts none or nothing ran."""
    if not counts_parts(rule) or not runs or not control:
        return ()
    return tuple(
        PartCount(
            str(name),
            max(run.parts.get(str(name), 0) for run in runs),
            min(run.parts.get(str(name), 0) for run in control),
        )
        for name in rule["datasets"]
    )


def parts_said(count: PartCount) -> str:
    """Parts of a dataset in words.

    >>> parts_said(PartCount("s4_event_labels_6B", 4, 16)), parts_said(PartCount("s4_case_flows_6B", 3, 2))
    ('s4_event_labels_6B 16 to 4 parts (75 % fewer)', 's4_case_flows_6B 2 to 3 parts (50 % more)')
    """
    share = f"{abs(count.fewer):.0%}".replace("%", " %")
    return f"{count.dataset} {count.control} to {count.parts} parts ({share} {'more' if count.fewer < 0 else 'fewer'})"


def too_many(rule: Mapping[str, Any], counts: Sequence[PartCount]) -> str:
    """Which datasets have more parts than the rule allows, in words; empty where none has."""
    least = float(rule["min_fewer_parts"])
    over = [count for count in counts if count.fewer < least]
    asked = f"{least:.0%}".replace("%", " %")
    return f"{asked} fewer parts are asked for: {'; '.join(map(parts_said, over))}" if over else ""


def judged_states(rule: Mapping[str, Any], state: str) -> tuple[str, ...]:
    """The states whose time decides: the given one, and where parts are counted those that wrote them.

    >>> judged_states({"min_fewer_parts": 0.5, "datasets": ["s3_event_stream_with_fraud_6B", "s4_case_flows_6B"]}, "S3")
    ('S3', 'S4')
    """
    wrote = {str(name).split("_")[0].upper() for name in rule["datasets"]} if counts_parts(rule) else set()
    return (state, *sorted(wrote - {state}))
