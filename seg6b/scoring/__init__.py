"""Scoring: from the receipts of several runs to a decision, by rule.

Reads what lies in run and sweep folders; never runs a state, never asks a person, never asks MLflow.
"""
