"""Policies: what the data means. One file a pack, strict models, one `parameter_hash` over them all.

Knows draws and vocabularies (through its own checks), never worlds, runs or states.
"""
