"""Datasets: what every table looks like, how its parts are read and written, and its content digest.

The contract is version `6B.v2`. Knows draws (for hashing), never policies, states or runs.
"""
