"""Account, instrument, device and IP of arrivals, by rival strategies: one file each behind `contract.py`.

What is chosen, and by which draw, is one arithmetic (`links.py`). Strategies differ in how an arrival comes by its
candidates.
"""
