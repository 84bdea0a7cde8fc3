"""Whether the engine would take a policy: the same reader as at a start, with the scores that are loaded.

A policy is at most `TEXT_BYTES_MAX` long: it is a frame of the journal, and a page of the console.
"""

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from nightlamp._core import CoreError, Scorers
from nightlamp.policy.chains import unanswerable

#: `POLICY_BYTES_MAX` of core_rs/src/alert/change.rs.
TEXT_BYTES_MAX = 256 << 10


class PolicyRefused(Exception):
    """A policy that cannot be used: `line` from 1 (0 where no place can be given), what is wrong, the line's text."""

    def __init__(self, line: int, message: str, shown: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line, self.message, self.shown = line, message, shown


@dataclass(frozen=True, slots=True)
class Checked:
    """A policy the engine takes."""

    sha256: str
    """Of the text, hex."""
    notes: list[str]
    """Rules that are left out because their score is not loaded; calls to roles that may not answer."""


def default_text() -> str:
    """The policy nightlamp carries."""
    return (files("nightlamp") / "default_policy.toml").read_text()


def sha256(text: str) -> str:
    """Of a policy's text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def check(text: str, scorers: Scorers) -> Checked:
    """Reads a policy as the engine does. Raises PolicyRefused at the first line that cannot be used."""
    if len(text.encode()) > TEXT_BYTES_MAX:
        raise PolicyRefused(0, f"a policy has at most {TEXT_BYTES_MAX} bytes", "")
    try:
        notes = scorers.check_policy(text)
    except CoreError as error:
        _, _, message, line = error.args
        lines = text.split("\n")
        raise PolicyRefused(line, message, lines[line - 1].rstrip() if 0 < line <= len(lines) else "") from None
    return Checked(sha256(text), notes + unanswerable(text))
