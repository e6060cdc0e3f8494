"""A self-contained page: one copy of Plotly, its figures as data, and a policy that lets nothing else in or out."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from seg6b.render.plots.shape import Plot
from seg6b.render.strip import gate_strip


def render_page(template: str, plots: Iterable[Plot], context: Mapping[str, Any]) -> str:
    """The page of a template; every text is escaped, and only the page's own two scripts can run.

    Args:
        template: a file of `templates/` that extends `page.html.j2`.
        plots: every plot that the template shows.
        context: what the template names.
    """
    library, script = get_plotlyjs(), _asset("page.js")
    allowed = " ".join(f"'sha256-{_sha256(text)}'" for text in (library, script))
    figures = {plot.name: plot.figure for plot in plots if plot.figure}
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            style=Markup(_asset("page.css")),  # noqa: S704 - our own file
            library=Markup(library),  # noqa: S704 - Plotly's own file
            script=Markup(script),  # noqa: S704 - our own file
            figures=Markup(embedded_json(figures)),  # noqa: S704 - escaped by embedded_json
            script_policy=allowed,
        )
    )


def embedded_json(value: object) -> str:
    r"""JSON that can stand inside a script element.

    >>> embedded_json({"a": "</script>"})
    '{"a":"\\u003c/script>"}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("seg6b.render"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["strip"] = gate_strip
    return environment


def _asset(name: str) -> str:
    return (files("seg6b.render") / "templates" / name).read_text(encoding="utf-8")


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
