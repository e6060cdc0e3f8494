"""The case timeline, by rival strategies: one file each behind `contract.py`, all with the same rows.

A case has a row for each step that happened, in the order of the steps; its rows are adjacent, cases as in the book.
"""
