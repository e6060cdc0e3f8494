"""Runs: folders, receipts, input keys, commits. The run folder is the source of truth.

Knows datasets, policies and shards; never how a state computes or what a gate says.
"""
