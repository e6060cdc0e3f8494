"""Evidence: counts that merge by addition or by minimum and maximum, kept per cell.

States emit it while rows are in memory; S5 emits it again from Parquet; gates read nothing else.
"""
