"""Markdown as the reports write it: tables, and text that stays text."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table; every cell is escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(c) for c in line) + " |" for line in lines)


def section(title: str, lines: Sequence[str]) -> list[str]:
    """A heading with a list below it; nothing where there is nothing to list."""
    return [f"## {title}", "\n".join(f"- {cell(line)}" for line in lines)] if lines else []


def cell(value: object) -> str:
    r"""Text that neither ends a cell nor speaks HTML.

    >>> cell("a|b\n<i>")
    'a\\|b &lt;i&gt;'
    """
    said = str(value).replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return said.replace("|", "\\|")
