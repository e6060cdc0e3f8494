"""A replay witness as report files: JSON and Markdown under the build plan's own name."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from seg6b.render.closure_files import lane_slug
from seg6b.render.markdown import cell, table
from seg6b.runs.disk import write_json, write_text
from seg6b.runs.folder import checked_run_id
from seg6b.scoring.closure_json import SEGMENT, phase_of
from seg6b.scoring.replay import DatasetReplay, ReplayWitness


def write_replay(lane: str, witness: ReplayWitness, folder: Path) -> list[Path]:
    """Write both files, each whole or not at all, and return their paths: JSON, Markdown.

    Args:
        lane: lane id.
        witness: what was found.
        folder: `reports/`.
    """
    paths = [folder / replay_name(lane, witness, extension) for extension in ("json", "md")]
    write_json(paths[0], replay_json(lane, witness))
    write_text(paths[1], replay_markdown(lane, witness))
    return paths


def replay_name(lane: str, witness: ReplayWitness, extension: str) -> str:
    """`segment6b_<lane>_replay_witness_<run>_vs_<replay>.<extension>`."""
    run, replay = checked_run_id(witness.run_id), checked_run_id(witness.witness_id)
    return f"segment6b_{lane_slug(lane)}_replay_witness_{run}_vs_{replay}.{extension}"


def replay_json(lane: str, witness: ReplayWitness) -> dict[str, Any]:
    """The comparison as plain data."""
    head = {"segment": SEGMENT, "phase": phase_of(lane), "lane": lane}
    return head | asdict(witness) | {"verdict": str(witness.verdict)}


def replay_markdown(lane: str, witness: ReplayWitness) -> str:
    """The comparison as a reviewer reads it."""
    pair = (
        f"Run `{witness.run_id}` against `{witness.witness_id}`: identical settings, a fresh run id, executed again "
        f"from {witness.since} on. Rows, content digest, schema, partitions and being non-empty must be equal; bytes "
        "of parts are reported."
    )
    found = [
        f"# Segment 6B lane {cell(lane)}: replay witness, {witness.verdict}",
        pair,
        "\n".join(f"- {cell(fault)}" for fault in witness.faults),
        table(
            ["Dataset", "State", "Rows", "Content digest", "Schema", "Partitions", "Non-empty", "Parts of equal bytes"],
            [_row(dataset) for dataset in witness.datasets],
        ),
    ]
    return "\n\n".join(part for part in found if part) + "\n"


def _row(found: DatasetReplay) -> list[str]:
    (rows, again), (digest, replayed), (parts, _) = found.rows, found.digests, found.parts
    return [
        f"`{cell(found.dataset)}`",
        found.state if found.executed else f"{found.state}, linked",
        f"{rows:,}" if rows == again else f"{rows:,}, {again:,}",
        f"`{digest}`" if digest == replayed else f"`{digest}`, `{replayed}`",
        _said(found.schema_equal),
        _said(found.partitions_equal),
        "yes" if found.non_empty else "no",
        f"{found.equal_parts} of {max(found.parts)}" if parts else "none",
    ]


def _said(equal: bool) -> str:  # noqa: FBT001 - a word for a truth value
    return "equal" if equal else "differs"
