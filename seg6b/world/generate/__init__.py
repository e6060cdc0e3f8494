"""The generator of upstream worlds: a recipe in, the published tables out, the same rows wherever it runs.

Draws of its own (`world.*` families); knows nothing of 6B policy.
"""
