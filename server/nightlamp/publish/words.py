"""What people wrote, taken out of messages for whoever may not read it (P6): a note may name the patient.

Redis carries no notes, nor do streams of callers without the permission read_identity. Messages are made once, with the
notes (core_rs/src/publish/encode.rs); here they become `"note":""`. Only a key can match: within a JSON string every
quote is escaped.
"""

import re

_KEY = b'"note"'
_WRITTEN = re.compile(rb'"note"\s*:\s*"(?:[^"\\]|\\.)+"')


def without_words(body: bytes) -> bytes:
    """A message with every note blank; the same object where there is none."""
    return _WRITTEN.sub(b'"note":""', body) if _KEY in body else body
