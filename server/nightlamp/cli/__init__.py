"""The command line: one file a group of commands. Exit codes: 0 done, 1 could not, 2 wrong usage or settings."""

from .root import main

__all__ = ["main"]
