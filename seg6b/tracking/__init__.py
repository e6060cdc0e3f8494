"""Tracking: receipts and boards, projected to MLflow.

A sink: it reads what lies under it and decides nothing. Losing the store loses nothing a decision needs.
"""
