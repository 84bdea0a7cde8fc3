"""The bytes of frames. Each names its number: HL7 in MSH-13, JSON in a field nobody reads.

No CR ends a message: the HTTP door would take it for framing, and the journal would not hold the same bytes.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

UNIT = "ORACLE"
AUTHORITY = "ORACLE"
CONTENT_TYPES = {True: "application/hl7-v2", False: "application/json"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENTS = {1: "A01", 2: "A02", 3: "A03", 4: "A04", 5: "A08"}
_NUMBER = re.compile(rb'^MSH(?:\|[^|]*){11}\|0*(\d+)[\r|]|"frame":(\d+)')


@dataclass(frozen=True, slots=True)
class Signal:
    """What is measured: number in the catalogue, LOINC, unit, decimals, and two ranges."""

    number: int
    loinc: str
    unit: str
    decimals: int
    well: tuple[float, float]
    ill: tuple[float, float]


#: Numbers and units as `nightlamp._core.catalogue()` has them; a test compares.
SIGNALS = (
    Signal(0, "8867-4", "/min", 0, (62, 88), (132, 150)),
    Signal(6, "9279-1", "/min", 0, (13, 19), (26, 34)),
    Signal(1, "59408-5", "%", 0, (96, 99), (85, 91)),
    Signal(3, "8480-6", "mm[Hg]", 0, (115, 140), (75, 89)),
    Signal(5, "8462-4", "mm[Hg]", 0, (65, 85), (38, 50)),
    Signal(2, "8310-5", "Cel", 2, (36.2, 37.4), (39.2, 40.1)),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """One value; `reason` is why it must end as a dead letter."""

    signal: Signal
    value: float
    at_us: int
    unit: str | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        """The value as a decimal that reads back as the same number."""
        return repr(self.value) if self.signal.decimals else f"{self.value:.0f}"


def number_of(body: bytes) -> int | None:
    """The number a body names."""
    found = _NUMBER.search(body)
    return int(found[1] or found[2]) if found else None


def patient(number: int) -> str:
    """PID-3.1 of a patient."""
    return f"ORC{number:05d}"


def place(bed: str) -> str:
    """`unit/bed`: a frame's context by MQTT."""
    return f"{UNIT}/{bed}"


def stamp(at_us: int) -> str:
    """HL7 time with microseconds and offset."""
    return (_EPOCH + timedelta(microseconds=at_us)).strftime("%Y%m%d%H%M%S.%f+0000")


def _msh(number: int, control_id: str, kind: str, version: str = "2.5.1") -> str:
    return rf"MSH|^~\&|EHR|ORACLE|NIGHTLAMP||20260101000000+0000||{kind}|{control_id}|P|{version}|{number}"


def report(number: int, control_id: str, who: str, readings: list[Reading]) -> bytes:
    """ORU^R01."""
    lines = [_msh(number, control_id, "ORU^R01^ORU_R01"), f"PID|1||{who}^^^{AUTHORITY}^MR", "OBR|1|||V"]
    for place_in, one in enumerate(readings, 1):
        unit = one.unit or one.signal.unit
        lines.append(f"OBX|{place_in}|NM|{one.signal.loinc}^^LN||{one.text}|{unit}|||||F|||{stamp(one.at_us)}")
    return "\r".join(lines).encode()


def device(number: int, message_id: str, who: str | None, bed: str, readings: list[Reading]) -> bytes:
    """Device JSON about a patient by name, or by bed."""
    said: dict[str, object] = {"frame": number, "id": message_id, "device": "oracle"}
    if who is None:
        said["bed"] = {"unit": UNIT, "bed": bed}
    else:
        said["patient"] = {"authority": AUTHORITY, "identifier": who}
    said["observations"] = [
        {"code": one.signal.loinc, "value": one.value, "unit": one.unit or one.signal.unit, "time": one.at_us // 1_000}
        for one in readings
    ]
    return json.dumps(said, separators=(",", ":")).encode()


def move(number: int, control_id: str, kind: int, who: str, bed: str, at_us: int, *, named: bool) -> bytes:
    """ADT. Without a name the identity must keep the one it has."""
    event = _EVENTS[kind]
    name = "Nightingale^Florence" if named else ""
    lines = [
        _msh(number, control_id, f"ADT^{event}^ADT_{event}"),
        f"EVN|{event}|{stamp(at_us)}",
        f"PID|1||{who}^^^{AUTHORITY}^MR||{name}||19500512|F",
        f"PV1|1|I|{UNIT}^1^{bed}||||||||||||||||V{who}",
    ]
    return "\r".join(lines).encode()


def nonsense(number: int) -> bytes:
    """No JSON at all, though it names its number."""
    return f'{{"frame":{number},"observations":['.encode()


def refused_hl7(number: int, which: int) -> tuple[bytes, int]:
    """A message that the HL7 door must refuse, and the status."""
    name = f"R{number:08d}"
    if which == 0:
        return _msh(number, name, "ORU^R01^ORU_R01", "1.9").encode() + b"\rPID|1", 422
    if which == 1:
        return _msh(number, name, "SIU^S12^SIU_S12").encode() + b"\rPID|1", 422
    return _msh(number, "", "ORU^R01^ORU_R01").encode() + b"\rPID|1", 422


def refused_json(number: int, which: int) -> tuple[bytes, int]:
    """A body that the JSON door must refuse, and the status."""
    if which == 0:
        return f'{{"frame":{number},"id":"R{number}","observations":[]}}'.encode(), 422
    return f'{{"frame":{number},"id":'.encode(), 400
