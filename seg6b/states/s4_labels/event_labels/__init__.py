"""Event labels, by rival strategies: one file each behind `contract.py`, all with the same rows.

Of a flow that is not LEGIT, the events that the overlay made are the primary action (the AUTH_REQUEST where it made
none) and the rest support it; all events of a LEGIT flow are context. An event is a detection action or a case event
where it lies within a window, on either side, of the flow's detection, or of any stamp of its case.
"""
