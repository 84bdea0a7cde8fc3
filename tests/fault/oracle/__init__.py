"""The oracle: sends numbered frames through all doors, breaks things meanwhile, and then knows what must be where.

    plan (what is sent) -> lanes (senders) -> ledger (what came back)        house (the server), schedule and faults
    evidence (journal, tables, alerts heard, ledger) -> judge -> verdict

Every frame is a function of the seed and its number, so nothing is kept of it: the judge makes it again from the number
that each journal record carries. What is expected of a record follows from the journal's order alone. The undisturbed
run is the same journal in a fresh data folder under a fresh server: its tables must be the same bits.
"""
