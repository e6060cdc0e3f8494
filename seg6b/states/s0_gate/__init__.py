"""S0, the gate: nothing runs on a world that is not exactly what upstream published and sealed.

Verifies bundles, flags, bytes, schemas and contract, then writes the receipt and the table of sealed inputs.
"""
