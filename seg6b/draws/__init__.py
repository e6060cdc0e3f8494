"""Draws: randomness as a function of keys, never a stream.

Uniforms, ids, inverse-CDF tables and weighted choice. Knows nothing of tables, policies or runs.
"""
