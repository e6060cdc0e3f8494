"""From campaign to truth: the direct rule of each flow, by rival strategies; one file each behind `contract.py`.

A flow of a campaign has the rule of the campaign's pattern. A flow of no campaign has the rule of pattern NONE: that of
the anomaly overlay where it is marked, else the default. That last branch is the NONE default that lane 2T once lost;
`trap.py` keeps the loss alive, so that a lane can show that it is refused.
"""
