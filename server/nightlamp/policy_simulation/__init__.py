"""A policy on recorded time, before it wakes anybody: what it would have opened, beside the one in force.

The engine replays (core_rs/src/engine/simulate.rs), on the journal or on recorded patients; what its alerts amount to
and how two policies differ is said here. Nothing is written but the result.
"""
