"""Recorded encounters as the HL7 v2 text a hospital would have sent: training decodes what serving decodes (P8).

One message is an ADT event of version 2.5.1 with MSH, EVN, PID, PV1 and a DG1 a diagnosis. Adapters and the tool that
sends a recording through the running server build their messages here and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_EPOCH = datetime(1970, 1, 1)
_YEAR_DAYS = 365.2425
_DAY_US = 86_400_000_000
#: PID-3.4 of all recorded patients.
AUTHORITY = "RECORDED"
_ESCAPES = str.maketrans({"|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\\": "\\E\\"})


@dataclass(frozen=True, slots=True)
class Stay:
    """What is known of a patient's stay. Empty text and None are not known."""

    patient: str
    """PID-3.1."""
    birth_date: str = ""
    """YYYYMMDD."""
    sex: str = ""
    """PID-8: M, F."""
    race: str = ""
    unit: str = ""
    """Point of care, PV1-3.1."""
    bed: str = ""
    visit: str = ""
    admitted_us: int | None = None
    """PV1-44, microseconds since 1970-01-01 UTC."""
    admission_type: str = ""
    service: str = ""
    """PV1-10: MED, SUR, ..."""
    admit_source: str = ""
    financial_class: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """What is known when a patient leaves."""

    discharged_us: int | None = None
    """PV1-45."""
    disposition: str = ""
    """PV1-36."""
    diagnoses: Sequence[str] = field(default_factory=tuple)
    """DG1-3.1 in order; empty where a diagnosis is counted but not known."""
    coding: str = ""
    """DG1-3.3: I9C, I10C."""


def adt(event: str, stay: Stay, at_us: int, left: Left = Left(), recorded_us: int | None = None) -> bytes:
    """The message of an event (`A01`, `A03`, ...) that occurred at `at_us` and was recorded at `recorded_us`, or at
    once where that is None; both microseconds since 1970-01-01.

    The control id is made of patient, event and time: two events of one patient never share one.
    """
    recorded_us = at_us if recorded_us is None else recorded_us
    sent, occurred = stamp(max(at_us, recorded_us)), "" if recorded_us == at_us else f"||||{stamp(at_us)}"
    patient = text(stay.patient)
    pv1 = [""] * 46
    pv1[:4] = ["PV1", "1", "I", f"{text(stay.unit)}^^{text(stay.bed)}" if stay.bed else text(stay.unit)]
    pv1[4], pv1[10], pv1[14] = text(stay.admission_type), text(stay.service), text(stay.admit_source)
    pv1[19], pv1[20], pv1[36] = text(stay.visit), text(stay.financial_class), text(left.disposition)
    pv1[44] = "" if stay.admitted_us is None else stamp(stay.admitted_us)
    pv1[45] = "" if left.discharged_us is None else stamp(left.discharged_us)
    lines = [
        rf"MSH|^~\&|RECORDING||NIGHTLAMP||{sent}||ADT^{event}|{event}-{patient}-{at_us}|P|2.5.1",
        f"EVN|{event}|{stamp(recorded_us)}{occurred}",
        f"PID|1||{patient}^^^{AUTHORITY}^MR||||{stay.birth_date}|{stay.sex}||{text(stay.race)}",
        "|".join(pv1).rstrip("|"),
        *(f"DG1|{n}||{text(code)}^^{left.coding}" for n, code in enumerate(left.diagnoses, 1)),
        "",
    ]
    return "\r".join(lines).encode()


def stamp(at_us: int) -> str:
    """An HL7 time in UTC with its offset; fractions only where there are any."""
    at = _EPOCH + timedelta(microseconds=at_us)
    fraction = f".{at.microsecond:06d}"[:5] if at.microsecond >= 100 else ""
    return f"{at.year:04d}{at.month:02d}{at.day:02d}{at.hour:02d}{at.minute:02d}{at.second:02d}{fraction}+0000"


def birth_date(age_years: float, at_us: int) -> str:
    """The day on which somebody was born who is so old at a time (years of 365.2425 days); empty for NaN."""
    if age_years != age_years:
        return ""
    born = _EPOCH + timedelta(days=at_us // _DAY_US - round(age_years * _YEAR_DAYS))
    return f"{born.year:04d}{born.month:02d}{born.day:02d}"


def text(value: str) -> str:
    """A text with HL7's delimiters escaped."""
    return value if value.isalnum() else value.translate(_ESCAPES)
