"""S4: what each flow truly was, what the bank made of it, and the cases that followed.

A pure map over whole parties: truth, bank view, cases, event labels; each step is one file.
"""
