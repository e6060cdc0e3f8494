"""From the members of sessions to the session index, by rival strategies: one file each behind `contract.py`."""
