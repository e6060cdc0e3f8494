"""What a list of jobs amounts to: runs one after the other, or sweeps of variants against a control."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from seg6b.errors import UsageError
from seg6b.lane.lanes import as_overrides
from seg6b.lane.plan import key_of
from seg6b.runs.sweep import OPTIMISATION, REMEDIATION
from seg6b.settings.job import Job

COMPARED: Final = ("", OPTIMISATION, REMEDIATION)

_VARIANT: Final = re.compile(r"s[1-5]\.|executor\.|policy[/.]|posture$")


@dataclass(frozen=True, slots=True)
class Asked:
    """One job as it was asked for.

    Attributes:
        number: Hydra's number of the job.
        overrides: its overrides of the task, all of them.
        job: what they compose to.
    """

    number: int
    overrides: tuple[str, ...]
    job: Job


@dataclass(frozen=True, slots=True)
class Unit:
    """One run, or one sweep.

    Attributes:
        asked: the jobs that it answers.
        swept: keys of the overrides in which its candidates differ; empty for a plain run.
        listed: whether the lane file lists the candidates; then `asked` is the one job that names the lane.
    """

    asked: tuple[Asked, ...]
    swept: frozenset[str] = frozenset()
    listed: bool = False

    @property
    def shared(self) -> tuple[str, ...]:
        """Overrides that every arm has, the control too."""
        return tuple(o for o in self.asked[0].overrides if key_of(o) not in self.swept)

    def candidates(self) -> tuple[tuple[str, ...], ...]:
        """Overrides of each candidate beside the shared ones; equal ones once, in the order asked for."""
        if self.listed:
            return tuple(as_overrides(c) for c in self.asked[0].job.lane.candidates)
        return tuple(dict.fromkeys(self.own(a) for a in self.asked))

    def own(self, asked: Asked) -> tuple[str, ...]:
        """Overrides of one job beside the shared ones."""
        return tuple(o for o in asked.overrides if key_of(o) in self.swept)


def units(asked: Sequence[Asked], swept: frozenset[str]) -> tuple[Unit, ...]:
    """Runs and sweeps that answer `asked`, in order.

    A job whose lane lists candidates is a sweep of its own. Where knobs, packs or posture are swept, the jobs that are
    equal in all else (world, seed, scenario, lane) are one sweep; so is a job alone that names any of these. Else each
    job is a run, as are all jobs of lanes whose kind compares nothing.

    Args:
        asked: every job, composed.
        swept: keys that the command line or `hydra.sweeper.params` sweeps.

    Raises:
        UsageError: knobs or policies are swept although the lane lists its candidates.
    """
    varied = frozenset(key for key in swept if _VARIANT.match(key))
    if any(a.job.lane.candidates for a in asked):
        _refuse_both(asked, varied)
        return tuple(unit_of(a) for a in asked)
    if len(asked) == 1 and not varied:
        varied = frozenset(key for key in map(key_of, asked[0].overrides) if _VARIANT.match(key))
    if not varied or any(a.job.lane.kind not in COMPARED for a in asked):
        return tuple(Unit((a,)) for a in asked)
    groups: dict[tuple[str, ...], list[Asked]] = {}
    for a in asked:
        groups.setdefault(Unit((a,), varied).shared, []).append(a)
    return tuple(Unit(tuple(group), varied) for group in groups.values())


def unit_of(asked: Asked) -> Unit:
    """A job by itself: a sweep if its lane lists candidates, else a run."""
    keys = frozenset(str(key) for candidate in asked.job.lane.candidates for key in candidate)
    return Unit((asked,), keys, listed=bool(keys))


def _refuse_both(asked: Sequence[Asked], varied: frozenset[str]) -> None:
    lane = next(a.job.lane for a in asked if a.job.lane.candidates)
    if varied:
        raise UsageError(
            "E_LANE_CANDIDATES", f"{lane.id} lists its candidates, so nothing else can be swept in it",
            "command line", ", ".join(sorted(varied)), "seeds or worlds alone",
            "Leave these out, or sweep them instead of the list: lane.candidates=[].",
        )  # fmt: skip
