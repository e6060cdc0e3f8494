"""Render: results as tables, JSON, Markdown and self-contained pages; only home of Plotly and Rich.

A sink: it shows what lies under it and decides nothing.
"""
