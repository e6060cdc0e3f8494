"""S3: campaigns and anomalies laid over the baseline flows; what they leave alone keeps S2's values exactly.

Reads S2's flows and events and the world's postures; writes the catalogue, flows and events with fraud.
"""
