"""Gates: T1..T22 and the statistics layer, from evidence and policies alone.

A gate is a record and a pure function; its thresholds come from a versioned file. States may ask; worlds may not.
"""
