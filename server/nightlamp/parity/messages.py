"""Messages a hospital would send: HL7 v2.5.1 ORU R01 and FHS/BHS batches for HTTP, device JSON for MQTT.

| field | holds |
|---|---|
| MSH-7 | when the message was sent: the hour of the recording |
| PID-3 | the patient's number with the authority of the ADT message |
| OBX-3 | LOINC code, name, `LN` |
| OBX-5, OBX-6 | the value of the file as a plain decimal (OBX-2 is NM), its unit |
| OBX-14 | when it was observed: the same hour |

A monitor knows its bed, not its patient: device JSON goes to the topic of the bed that the ADT message named.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import orjson

from nightlamp.parity.readings import Readings
from nightlamp.score.adt_text import AUTHORITY, stamp, text

#: What a body may hold: below the server's frame_bytes_max and hl7_batch_messages_max.
BODY_BYTES_MAX, BODY_MESSAGES_MAX = 900_000, 900


class Reading(NamedTuple):
    """One MQTT message."""

    topic: str
    payload: bytes


class Writer:
    """Writes the messages of a recording's readings."""

    def __init__(self, readings: Readings, admissions: list[bytes], start_us: int) -> None:
        """`admissions`: an ADT message a patient, which names patient and bed; `start_us`: when time 0 is."""
        self._readings, self._start_us = readings, start_us
        self._patients, self._beds = zip(*map(_named, admissions), strict=True)
        self._heads = [f"|{text(one.loinc)}^{text(one.name)}^LN||" for one in readings.codes]
        self._units = [text(one.unit) for one in readings.codes]
        self._numbers: dict[float, str] = {}

    def report(self, patient: int, at_us: int, rows: slice) -> bytes:
        """One ORU R01."""
        at_us += self._start_us
        at, who = stamp(at_us), self._patients[patient]
        tail = f"|||||F|||{at}"
        codes, values = self._readings.code[rows].tolist(), self._readings.value[rows].tolist()
        lines = [
            rf"MSH|^~\&|RECORDING||NIGHTLAMP||{at}||ORU^R01^ORU_R01|R01-{who}-{at_us}|P|2.5.1",
            f"PID|1||{who}^^^{AUTHORITY}^MR",
            f"OBR|1|||HOUR^Values of the hour|||{at}",
            *(
                f"OBX|{n}|NM{self._heads[code]}{self._plain(value)}|{self._units[code]}{tail}"
                for n, (code, value) in enumerate(zip(codes, values, strict=True), 1)
            ),
            "",
        ]
        return "\r".join(lines).encode()

    def reading(self, patient: int, at_us: int, rows: slice) -> Reading:
        """One device JSON."""
        at_us += self._start_us
        unit, bed = self._beds[patient]
        codes, values = self._readings.code[rows].tolist(), self._readings.value[rows].tolist()
        said = {
            "id": str(at_us),
            "device": f"monitor-{bed}",
            "time": at_us // 1_000,
            "observations": [
                {"code": self._readings.codes[code].loinc, "value": value, "unit": self._readings.codes[code].unit}
                for code, value in zip(codes, values, strict=True)
            ],
        }
        return Reading(f"nightlamp/v1/{unit}/{bed}/vitals", orjson.dumps(said))

    def _plain(self, value: float) -> str:
        """The shortest decimal that reads back as the same number; NM knows no exponent."""
        known = self._numbers.get(value)
        if known is None:
            known = self._numbers[value] = np.format_float_positional(value, unique=True, trim="-")
        return known


def _named(adt: bytes) -> tuple[str, tuple[str, str]]:
    """PID-3.1, and PV1-3.1 with PV1-3.3, of a message of `adt_text`, as they stand in it."""
    segments = {line[:3]: line.split("|") for line in adt.decode().split("\r")}
    unit, _, bed = segments["PV1"][3].split("^")
    return segments["PID"][3].split("^")[0], (unit, bed)


def batches(groups: Iterable[list[bytes]]) -> Iterator[list[tuple[bytes, int]]]:
    """FHS/BHS batches, each with its count; what stands in one list is to be posted one after the other.

    A group (a patient's messages) is never torn apart over two lists: lists may be posted side by side.
    """
    waiting: list[bytes] = []
    size = 0
    for group in groups:
        more = sum(map(len, group))
        if waiting and (size + more > BODY_BYTES_MAX or len(waiting) + len(group) > BODY_MESSAGES_MAX):
            yield list(_cut(waiting))
            waiting, size = [], 0
        waiting += group
        size += more
    if waiting:
        yield list(_cut(waiting))


def _cut(messages: list[bytes]) -> Iterator[tuple[bytes, int]]:
    """Batches within the limits; more than one only where one patient alone is beyond them."""
    first = size = 0
    for at, message in enumerate(messages):
        if at > first and (size + len(message) > BODY_BYTES_MAX or at - first >= BODY_MESSAGES_MAX):
            yield _batch(messages[first:at]), at - first
            first, size = at, 0
        size += len(message)
    yield _batch(messages[first:]), len(messages) - first


def _batch(messages: list[bytes]) -> bytes:
    ends = f"BTS|{len(messages)}\rFTS|1\r".encode()
    return b"".join([b"FHS|^~\\&\r", b"BHS|^~\\&\r", *messages, ends])
