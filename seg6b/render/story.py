"""`remediation_story.html`: the whole road from D+ to B+ on one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from seg6b.render.page import render_page
from seg6b.render.story_data import Story, StoryCertification
from seg6b.render.story_heat import LEVEL_NAMES, Level, anchors, heat_map, phase_names
from seg6b.render.story_phases import phase_views
from seg6b.render.story_runtime import time_plot, time_table
from seg6b.render.story_seeds import scatter_said, seed_rows, worst_scatter
from seg6b.render.story_words import headline, holds_now, open_points, outcome, tiles, tone_of
from seg6b.runs.disk import write_text


def write_story(story: Story, path: Path) -> Path:
    """Write the page; it appears whole or not at all. Equal stories give equal bytes."""
    write_text(path, story_html(story))
    return path


def story_html(story: Story) -> str:
    """The page: outcome, heat map of gates by phases, every phase, runtime, what is still open."""
    heat, views, runtime = heat_map(story), phase_views(story), time_plot(story)
    drills = [plot for view in views.values() if view.drill for plot in view.drill.plots]
    context = {
        "title": f"Segment 6B remediation, {story.world}",
        "story": story,
        "outcome": outcome(story),
        "headline": headline(story, heat),
        "holds": holds_now(story, heat),
        "tiles": list(tiles(story, heat)),
        "heat": heat,
        "legend": list(LEVEL_NAMES.items()),
        "level_names": LEVEL_NAMES,
        "titles": {row.gate_id: row.title for band in heat.bands for row in band.rows},
        "absent": Level.ABSENT,
        "views": views,
        "certified": _certified(story),
        "times": time_table(story),
        "runtime": runtime,
        "open": open_points(story, heat),
        "tone_of": tone_of,
    }
    return render_page("story.html.j2", [*drills, *([runtime] if runtime else [])], context)


def _certified(story: Story) -> dict[str, dict[str, object]]:
    """Every certification by its element id, with its table and its widest scatter."""
    out: dict[str, dict[str, object]] = {}
    for anchor, name, part in zip(anchors(story), phase_names(story), story.phases, strict=True):
        if isinstance(part, StoryCertification):
            worst = worst_scatter(part)
            widest = f"{worst[0]} {scatter_said(worst[1])}" if worst else ""
            out[anchor] = {"name": name, "part": part, "rows": seed_rows(part), "widest": widest}
    return out
