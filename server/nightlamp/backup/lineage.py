"""Which journal a data folder continues.

A restoration gives it a new name: frames after the backup's last one get numbers that the lost journal gave to others,
and whoever remembers those (a console, another database) must not mix them.
"""

from pathlib import Path

import msgspec

PLACE = "restored/lineage.json"


class Lineage(msgspec.Struct, frozen=True):
    """The journal's name, what it was called in the backup it was restored from, and which backup that was."""

    journal: str
    before: str = ""
    backup: str = ""
    restored_at: str = ""


def journal_of(data: Path) -> Lineage:
    """The lineage of a data folder."""
    journal = (data / "journal.id").read_text().strip()
    try:
        found = msgspec.json.decode((data / PLACE).read_bytes(), type=Lineage)
    except (OSError, msgspec.MsgspecError):
        return Lineage(journal)
    return found if found.journal == journal else Lineage(journal)
