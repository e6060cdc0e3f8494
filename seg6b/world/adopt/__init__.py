"""Adopting a published world: contract-v1 files in, the canonical tables of a sealed world out.

Everything is checked on the way; a defect is refused in one line and nothing is left behind. Reads the source, never
writes into it.
"""
