"""States: S0..S5, each a folder that tells its story; `pipeline.py` is the only list of them.

A state reads sealed inputs and committed datasets, writes datasets and evidence, and never scores.
"""
