"""The upstream world: generated or adopted once, sealed, content-addressed, never changed.

Knows nothing of 6B's policies, states or runs.
"""
