"""Gates: T1..T22 and the statistics layer, from evidence alone; thresholds live in `conf/gates`, never here.

Knows evidence and statistics; never runs a state and never reads a dataset.
"""
