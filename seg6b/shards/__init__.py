"""Shards: which party belongs to which cell, how parts are cut into batches, how they are mapped.

Knows how to run a function over shards; never what the function does.
"""
