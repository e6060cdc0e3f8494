"""The shape report: how a world compares with the published one, item by item.

Reads sealed worlds and `published.yaml` beside it; draws nothing, writes nothing.
"""
