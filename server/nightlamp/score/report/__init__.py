"""report: what a model's risks are worth on rows whose outcome is known, with confidence intervals.

`figures.figures` makes the one dictionary that metrics.json, card.md and `nightlamp evaluate` show; nothing here knows
how a model was fitted. Same rows, same bytes: every draw is seeded, floats are written with seven significant digits.
"""
