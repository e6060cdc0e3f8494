"""`popt_summary.html`: the ladder of POPT on one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path

from seg6b.render.page import render_page
from seg6b.render.plots.ladder import ladder_plot, past_plot, worth_plot
from seg6b.render.plots.treemap import hotspot_treemap
from seg6b.render.popt_data import Summary
from seg6b.render.popt_words import (
    gain_said,
    headline,
    memory,
    open_points,
    outcome,
    past_rows,
    per_million,
    rows,
    tiles,
)
from seg6b.render.story_words import tone_of
from seg6b.render.wording import seconds, size
from seg6b.runs.disk import write_text


def write_summary(summary: Summary, path: Path) -> Path:
    """Write the page; it appears whole or not at all. Equal summaries give equal bytes."""
    write_text(path, summary_html(summary))
    return path


def summary_html(summary: Summary) -> str:
    """The page: baseline, ladder, where the time goes, what strategies are worth, the plan's history, what is open."""
    plots = {
        "ladder": ladder_plot(summary.lanes),
        "hotspots": hotspot_treemap(summary.hotspots),
        "worth": worth_plot(summary.worth),
        "past": past_plot(summary),
    }
    context = {
        "title": f"Segment 6B POPT, {summary.world}",
        "summary": summary,
        "outcome": outcome(summary),
        "headline": headline(summary),
        "tiles": list(tiles(summary)),
        "lanes": [(lane, rows(lane)) for lane in summary.lanes],
        "plots": plots,
        "worth": [(one, gain_said(one.alone), gain_said(one.on_top)) for one in summary.worth],
        "past": past_rows(summary),
        "open": open_points(summary),
        "tone_of": tone_of,
        "per_million": per_million,
        "memory": memory,
        "seconds": seconds,
        "size": size,
    }
    return render_page("popt.html.j2", [plot for plot in plots.values() if plot], context)
