"""Adapters: one file a source of recorded data; each gives a `Recording`."""
