"""HL7 v2 messages and device JSON for tests, each with ids of its own."""

import itertools
from datetime import UTC, datetime, timedelta

_numbers = itertools.count(1)


def unique() -> str:
    """A number nobody else in this session has."""
    return f"{next(_numbers):06d}"


def stamp(ago_s: float = 0) -> str:
    """HL7 time with offset, so many seconds ago."""
    return (datetime.now(UTC) - timedelta(seconds=ago_s)).strftime("%Y%m%d%H%M%S+0000")


def msh(event: str, control_id: str, *, version: str = "2.5.1", processing_id: str = "P", charset: str = "") -> str:
    """MSH of `ADT^A01` and the like."""
    kind = "^".join([*event.split("^"), event.replace("^", "_")])
    fields = ["MSH", r"^~\&", "EHR", "HOSPITAL", "NIGHTLAMP", "", stamp(), "", kind, control_id, processing_id, version]
    return "|".join([*fields, "", "", "", "", "", charset]).rstrip("|")


def admission(patient: str, unit: str, bed: str, *, family: str = "Nightingale", control_id: str = "") -> str:
    """ADT^A01 of a patient into a bed."""
    return "\r".join(
        [
            msh("ADT^A01", control_id or f"A{unique()}"),
            f"EVN|A01|{stamp()}",
            f"PID|1||{patient}^^^HOSP^MR||{family}^Florence||19500512|F",
            f"PV1|1|I|{unit}^1^{bed}||||||||||||||||V{patient}",
            "",
        ]
    )


def adt(
    event: str,
    patient: str,
    place: str = "",
    *,
    occurred: str = "",
    cancels: str = "",
    merges: str = "",
    control_id: str = "",
) -> str:
    """ADT of an event (`A02`, `A13`, `A40` ...) of a patient, in `unit/bed` where given.

    `occurred` is EVN-2 (now where empty), `cancels` EVN-6 (of what is no cancellation: when it occurred), `merges` the
    identifier that MRG-1 gives up.
    """
    evn = f"EVN|{event}|{occurred or stamp()}" + (f"||||{cancels}" if cancels else "")
    lines = [
        msh(f"ADT^{event}", control_id or f"A{unique()}"),
        evn,
        f"PID|1||{patient}^^^HOSP^MR||Nightingale^Florence||19500512|F",
    ]
    if merges:
        lines.append(f"MRG|{merges}^^^HOSP^MR")
    if place:
        unit, bed = place.split("/")
        lines.append(f"PV1|1|I|{unit}^1^{bed}||||||||||||||||V{patient}")
    return "\r".join([*lines, ""])


def result(patient: str, code: str, value: str, unit: str, at: str, status: str = "F") -> str:
    """ORU^R01 with one OBX of a LOINC, observed at an HL7 time, with a status of table 0085."""
    head = [msh("ORU^R01", f"R{unique()}"), f"PID|1||{patient}^^^HOSP^MR", f"OBR|1|||V|||{at}"]
    return "\r".join([*head, f"OBX|1|NM|{code}^^LN||{value}|{unit}|||||{status}|||{at}", ""])


def vitals(patient: str, values: dict[str, tuple[str, str]], *, control_id: str = "", ago_s: float = 1) -> str:
    """ORU^R01 with one OBX per (LOINC: (value, unit))."""
    rows = [
        f"OBX|{n}|NM|{code}^^LN||{value}|{unit}|||||F|||{stamp(ago_s)}"
        for n, (code, (value, unit)) in enumerate(values.items(), 1)
    ]
    head = [msh("ORU^R01", control_id or f"R{unique()}"), f"PID|1||{patient}^^^HOSP^MR", f"OBR|1|||V|||{stamp(ago_s)}"]
    return "\r".join([*head, *rows, ""])


#: A patient who is well, as (LOINC: (value, UCUM)).
WELL = {
    "8867-4": ("72", "/min"),
    "9279-1": ("14", "/min"),
    "59408-5": ("98", "%"),
    "8480-6": ("124", "mm[Hg]"),
    "8462-4": ("78", "mm[Hg]"),
    "8310-5": ("36.8", "Cel"),
}
#: One who is not: NEWS2 of 15 from these alone.
ILL = {
    "8867-4": ("134", "/min"),
    "9279-1": ("28", "/min"),
    "59408-5": ("90", "%"),
    "8480-6": ("86", "mm[Hg]"),
    "8462-4": ("40", "mm[Hg]"),
    "8310-5": ("39.4", "Cel"),
}


def acknowledgement(answer: str) -> dict[str, list[list[str]]]:
    """Segments of an HL7 answer by name, fields split."""
    found: dict[str, list[list[str]]] = {}
    for line in answer.split("\r"):
        if line:
            fields = line.split("|")
            found.setdefault(fields[0], []).append(fields)
    return found
