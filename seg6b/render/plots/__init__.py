"""Plots: evidence as Plotly figures, written as plain dictionaries; colours are named by the page's own variables."""
