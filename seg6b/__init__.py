"""seg6b: an experiment-tracking remediation workbench for Segment 6B.

Read the rooms from the bottom up: errors, draws and stats, datasets and policy and shards,
runs and evidence and settings, world and gates, states and scoring, tracking and render, lane, cli.
"""
