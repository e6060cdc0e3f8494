"""Campaign instances: how many each template has, their ids, and the windows in which they run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import polars as pl

from seg6b.draws.mix import draw, text64
from seg6b.draws.uniform import Draws
from seg6b.errors import InputRefused
from seg6b.evidence import s3_draws as d
from seg6b.policy.campaign import Catalogue, FullScenario, HashTargets, MultiWindow, Template
from seg6b.states.s3_overlay.tally import tally_global

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
BURST_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Horizon:
    """The horizon in microseconds since the epoch, end exclusive."""

    start_us: int
    end_us: int

    @classmethod
    def of(cls, start: datetime, end: datetime) -> Horizon:
        """The horizon of a world."""
        epoch = datetime(1970, 1, 1, tzinfo=start.tzinfo)
        second = (start - epoch).total_seconds(), (end - epoch).total_seconds()
        return cls(int(second[0]) * SECOND_US, int(second[1]) * SECOND_US)


@dataclass(frozen=True, slots=True)
class Instance:
    """One campaign instance.

    Attributes:
        campaign_id: 64 lower hex, from fingerprint, seed, scenario, template and index alone.
        word: hash that stands for the campaign in the entity of every draw.
        template_id: template.
        index: instance index within the template.
        campaign_type: fraud pattern.
        fraud_family: as published.
        target: target kind.
        filters_id: filter, `NONE` where there is none.
        schedule_mode: as published.
        starts_us: start of each window.
        window_us: length of each window.
        burst_start_us: start of the burst inside each window; -1 without a burst.
        burst_us: length of the burst; 0 without a burst.
        template: the template of the full catalogue; None for hash targets.
        threshold_ppm: share of all flows that a hash target takes.
        wanted: targets at the authority's scale of a hash target.
    """

    campaign_id: str
    word: np.uint64
    template_id: str
    index: int
    campaign_type: str
    fraud_family: str
    target: str
    filters_id: str
    schedule_mode: str
    starts_us: tuple[int, ...]
    window_us: int
    burst_start_us: int = -1
    burst_us: int = 0
    template: Template | None = None
    threshold_ppm: int = 0
    wanted: int = 0

    @property
    def end_us(self) -> int:
        """End of the last window, exclusive."""
        return self.starts_us[-1] + self.window_us


@dataclass(frozen=True, slots=True)
class Line:
    """The instances of a run in template order, and what drawing them took."""

    instances: tuple[Instance, ...]
    draws: list[pl.DataFrame] = field(default_factory=list)


def activate(policy: Catalogue | HashTargets, draws: Draws, horizon: Horizon) -> Line:
    """All instances of the policy: counts and window starts drawn, or one a template for hash targets."""
    if isinstance(policy, HashTargets):
        return Line(tuple(_hash_instance(policy, i, draws, horizon) for i in range(len(policy.templates))))
    built, counted, starts, bursts = [], 0, 0, 0
    for template in policy.templates:
        u = float(draw(text64("template", template.template_id), draws.key(*d.ACTIVATE_TEMPLATE)))
        counted += template.activation.draws
        for index in range(template.activation.instances(u)):
            built.append(_scheduled(template, index, draws, horizon))
            starts += not isinstance(template.schedule, FullScenario)
            bursts += template.burstiness is not None
    tallies = [
        tally_global(d.ACTIVATE_TEMPLATE, counted),
        tally_global(d.SCHEDULE_START, starts),
        tally_global(d.BURST_START, bursts),
    ]
    return Line(tuple(built), tallies)


def _scheduled(template: Template, index: int, draws: Draws, horizon: Horizon) -> Instance:
    word = text64("campaign", template.template_id, index)
    starts, window = _windows(template, word, draws, horizon)
    burst_start, burst = -1, 0
    if template.burstiness is not None:
        burst = int(window * BURST_SHARE)
        u = float(draw(word, draws.key(*d.BURST_START)))
        burst_start = int(u * ((window - burst) // SECOND_US)) * SECOND_US
    return Instance(
        campaign_id=campaign_id(draws, template.template_id, index),
        word=word,
        template_id=template.template_id,
        index=index,
        campaign_type=template.campaign_type,
        fraud_family=template.fraud_family,
        target=template.target,
        filters_id=template.filter,
        schedule_mode=template.schedule.mode,
        starts_us=starts,
        window_us=window,
        burst_start_us=burst_start,
        burst_us=burst,
        template=template,
    )


def _windows(template: Template, word: np.uint64, draws: Draws, horizon: Horizon) -> tuple[tuple[int, ...], int]:
    """Starts and length of the windows; the first starts at a drawn whole second that keeps all inside the horizon."""
    length = horizon.end_us - horizon.start_us
    schedule = template.schedule
    if isinstance(schedule, FullScenario):
        return (horizon.start_us,), length
    window = int(schedule.days * DAY_US)
    step = int(schedule.every_days * DAY_US) if isinstance(schedule, MultiWindow) else 0
    span = window + step * (schedule.n_windows - 1)
    if span > length:
        raise InputRefused(
            "E_S3_WINDOW",
            "the windows of a campaign do not fit into the horizon",
            template.template_id,
            f"{span / DAY_US:g} days",
            f"at most {length / DAY_US:g} days",
            "Shorten the schedule in policy/campaign or use a longer world.",
        )
    u = float(draw(word, draws.key(*d.SCHEDULE_START)))
    first = horizon.start_us + int(u * ((length - span) // SECOND_US)) * SECOND_US
    return tuple(first + i * step for i in range(schedule.n_windows)), window


def _hash_instance(policy: HashTargets, position: int, draws: Draws, horizon: Horizon) -> Instance:
    template = policy.templates[position]
    return Instance(
        campaign_id=campaign_id(draws, template.template_id, 0),
        word=text64("campaign", template.template_id, 0),
        template_id=template.template_id,
        index=0,
        campaign_type=template.campaign_type,
        fraud_family=template.fraud_family,
        target=template.target,
        filters_id="NONE",
        schedule_mode="FULL_SCENARIO",
        starts_us=(horizon.start_us,),
        window_us=horizon.end_us - horizon.start_us,
        threshold_ppm=policy.threshold_ppm(template),
        wanted=template.targets,
    )


def campaign_id(draws: Draws, template_id: str, index: int) -> str:
    """SHA-256 over the length-prefixed axes, template and index: no policy hash, no run id."""
    digest = hashlib.sha256()
    parts: Sequence[str | int] = (
        "seg6b:campaign_id:v1",
        draws.manifest_fingerprint,
        draws.seed,
        draws.scenario_id,
        template_id,
        index,
    )
    for part in parts:
        raw = str(part).encode()
        digest.update(len(raw).to_bytes(4, "little"))
        digest.update(raw)
    return digest.hexdigest()
