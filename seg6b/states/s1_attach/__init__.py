"""S1: every arrival gets a party, an account, an instrument, a device, an IP and a session.

Arrivals are routed to the shard of their party; from there on nothing leaves its shard.
"""
