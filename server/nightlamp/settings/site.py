"""What is particular to this hospital: identifiers, codes, how its frames are read."""

from typing import Literal

from pydantic import Field

from .section import Section


class Site(Section):
    """What is particular to this hospital."""

    timezone: str = "UTC"
    """IANA zone of HL7 times that carry no offset."""
    patient_authorities: list[str] = Field([])
    """Assigning authorities (PID-3.4) whose identifier names the patient, best first.

    Empty takes the first identifier.
    """
    processing_ids: list[Literal["P", "T", "D", ""]] = Field(["P"])
    """MSH-11 processing ids accepted here: production, training, debugging; "" also accepts a missing one."""


class SiteCode(Section):
    """One observation code of this site. An entry with a principal wins over one without."""

    code: str
    """OBX-3.1 (or 3.4), or the code in device JSON."""
    system: str | None = None
    """OBX-3.3 (or 3.6), or the system in device JSON; absent: any."""
    principal: str | None = None
    """Id of the key the entry holds for; absent: all."""
    signal: str
    """The catalogue's name of the signal."""
    unit: str | None = None
    """Unit of every value with this code, whatever the message says; absent: the message must say."""


class Decode(Section):
    """How frames are read."""

    recorded_time: bool = False
    """Replay a recording: a frame's time for scores and alerts is what its message says, not its receipt.

    That is MSH-7, else EVN, else the newest observation time; of device JSON the newest observation time. Never for a
    ward: nothing then notices that time passes without data. A journal keeps the mode it was begun in, and stored rows
    are kept whatever their age.
    """
