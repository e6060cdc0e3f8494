"""S5: one verdict over S0..S4, sealed only if everything required holds. Reads, never repairs.

`validate.py` is the story; every other file is one kind of check.
"""
