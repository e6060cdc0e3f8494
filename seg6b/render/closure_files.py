"""A closure as report files under the build plan's own names: JSON, Markdown, HTML, and the elapsed times as CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from seg6b.render.closure_page import closure_html
from seg6b.render.closure_text import closure_markdown
from seg6b.render.closure_words import run_of
from seg6b.render.elapsed_csv import elapsed_csv
from seg6b.runs.disk import write_json, write_text
from seg6b.runs.folder import checked_run_id
from seg6b.scoring.closure import Closure
from seg6b.scoring.closure_json import closure_json
from seg6b.scoring.state_csv import state_rows

_LONGEST: Final = 60


def write_closure(closure: Closure, folder: Path, history: Sequence[str] = ()) -> list[Path]:
    """Write the closure in all forms; each file appears whole or not at all.

    Args:
        closure: what was decided.
        folder: `reports/`.
        history: what the build plan measured for this lane.

    Returns:
        The paths: JSON, Markdown, HTML, CSV.
    """
    paths = [folder / closure_name(closure, extension) for extension in ("json", "md", "html")]
    write_json(paths[0], closure_json(closure))
    write_text(paths[1], closure_markdown(closure, history))
    write_text(paths[2], closure_html(closure, history))
    elapsed = folder / elapsed_name(closure)
    write_text(elapsed, elapsed_csv(state_rows(closure)))
    return [*paths, elapsed]


def closure_name(closure: Closure, extension: str) -> str:
    """`segment6b_<lane>_closure_<run>.<extension>`."""
    return f"segment6b_{lane_slug(closure.lane)}_closure_{checked_run_id(run_of(closure))}.{extension}"


def elapsed_name(closure: Closure) -> str:
    """`segment6b_<lane>_state_elapsed_<run>.csv`."""
    return f"segment6b_{lane_slug(closure.lane)}_state_elapsed_{checked_run_id(run_of(closure))}.csv"


def lane_slug(lane: str) -> str:
    """A lane id as part of a file name: nothing in it can leave the folder.

    >>> lane_slug("POPT.2R2"), lane_slug("P1"), lane_slug("../my lane"), lane_slug("…")
    ('popt2r2', 'p1', 'mylane', 'adhoc')
    """
    return re.sub(r"[^a-z0-9_-]+", "", lane.lower())[:_LONGEST] or "adhoc"
