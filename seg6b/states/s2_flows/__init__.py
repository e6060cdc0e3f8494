"""S2: sessions become flows with types, amounts and outcomes, and flows become timed events.

Steps: plan (which arrivals make which flow), flows (type, branches, amounts), events (times), columns (the tables).
"""
