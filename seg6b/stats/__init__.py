"""Statistics: NumPy and SciPy in, numbers out. Knows nothing of flows, evidence or gates.

Whatever is estimated comes in a form that takes a stack of tables, so that a jackknife is one call.
"""
