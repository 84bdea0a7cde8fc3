"""What is sent: numbered frames, each a function of (seed, number).

Frames 0 to `patients` - 1 admit the patients. Frame n after them goes out through lane n % len(LANES), for a patient
of that lane, and names its number in its bytes. Its observations lie at times of its own, so (patient, signal, time) in
the tables names the frame. One in seven is something else: a refusal, a content fault, a conflict, ADT. Before one in
25 the sender sends an earlier frame once more (`repeat_before`).
"""

from dataclasses import dataclass, field
from enum import Enum

from tests.fault.oracle import words
from tests.fault.oracle.dice import Dice
from tests.fault.oracle.words import SIGNALS, Reading


class Door(Enum):
    """The doors; the value is the source on disk (core_rs/src/receive/frame.rs)."""

    HL7 = 1
    JSON = 2
    MQTT_JSON = 3
    MQTT_HL7 = 4


#: The lanes: how each sends. A lane is one connection with one message under way, but `hl7 batch` (many a request) and
#: `mqtt` (many in flight).
LANES = ("hl7", "json", "mqtt", "hl7 batch", "mqtt", "json", "hl7 batch", "mqtt")
#: With a broker of the hospital's own between some monitors and the server.
OUTSIDE_LANES = (*LANES, "broker", "broker")
#: The soak sends where many messages go at once.
FAST_LANES = (*("hl7 batch", "mqtt") * 7, "json", "hl7")
#: Bytes on topics.
MQTT = frozenset({"mqtt", "broker"})
SPAN_S = 3_600
#: Admissions lie so long before frame 0 that late values still find their patient in bed.
ADMITTED_S = 7_200
KEY = "N"


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of what. Two runs of one seed and shape send the same bytes but for `begin_us`, the time of frame 0."""

    seed: int
    frames: int
    begin_us: int
    patients: int = 40
    lanes: tuple[str, ...] = LANES

    @property
    def step_us(self) -> int:
        """From one frame's observation time to the next one's: even milliseconds, late ones are odd."""
        return max(2_000, SPAN_S * 1_000_000 // max(1, self.frames) // 2_000 * 2_000)


@dataclass(frozen=True, slots=True)
class Row:
    """One expected row of observations."""

    patient: int
    signal: int
    at_us: int
    value: float


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: what is sent, and what it must become where it is the first with its key."""

    number: int
    lane: int
    door: Door
    body: bytes
    #: `unit/bed` of the topic, empty for HTTP.
    context: str
    #: What redelivery goes by; None where nothing can be read at all: each delivery is a dead letter.
    key: tuple[str, ...] | None
    rows: tuple[Row, ...] = ()
    dead: tuple[str, ...] = ()
    #: Kind of the encounter event (`encounter_events.kind`).
    moves: int | None = None
    #: The status a door must refuse it with; it must never be journalled.
    refused: int | None = None
    content_type: str = field(default="", repr=False)

    @property
    def whole_dead(self) -> bool:
        """Refused as a whole: no event at all came of it."""
        return bool(self.dead) and not self.rows and self.moves is None and "empty_bed" not in self.dead


class Plan:
    """The frames of one shape."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self._lanes = len(shape.lanes)

    @property
    def total(self) -> int:
        """Frames in all, admissions included."""
        return self.shape.patients + self.shape.frames

    def lane_of(self, number: int) -> int:
        """The lane that sends this frame; admissions go first, by nobody's lane (-1)."""
        return -1 if number < self.shape.patients else number % self._lanes

    def kind_of(self, number: int) -> str:
        """How this frame is sent: the kind of its lane."""
        lane = self.lane_of(number)
        return "hl7" if lane < 0 else self.shape.lanes[lane]

    def of_lane(self, lane: int) -> range:
        """Numbers of the frames of a lane, in the order it sends them."""
        first = self.shape.patients
        return range(first + (lane - first) % self._lanes, self.total, self._lanes)

    def repeat_before(self, number: int) -> int | None:
        """The earlier frame of the same lane that the sender sends once more before this one, if any."""
        dice = Dice(self.shape.seed ^ 0x5EED, number)
        back = (1 + dice.below(40)) * self._lanes
        return number - back if dice.percent(4) and number - back >= self.shape.patients else None

    def cut_before(self, number: int) -> bool:
        """Whether the sender's line first breaks in the midst of this frame: half of it must never be journalled."""
        return Dice(self.shape.seed ^ 0xC07, number).percent(2)

    def insists(self, number: int) -> bool:
        """Whether the sender sends again, same id and bytes, when it got no answer."""
        return not Dice(self.shape.seed ^ 0xA6A1, number).percent(15)

    def frame(self, number: int) -> Frame:
        """The frame of this number."""
        if number < self.shape.patients:
            return self._adt(number, -1, number, 1)
        lane = number % self._lanes
        kind = self.shape.lanes[lane]
        mine = range(lane % self.shape.patients, self.shape.patients, self._lanes)
        dice = Dice(self.shape.seed, number)
        patient = mine[dice.below(len(mine))]
        special = dice.below(100)
        if special < 3 and kind not in MQTT:
            return self._refused(number, lane, kind, dice)
        if special < 8:
            return self._fault(number, lane, kind, patient, dice)
        if special < 11 and kind.startswith("hl7"):
            return self._adt(number, lane, patient, (2, 5, 5, 3, 1)[dice.below(5)], dice)
        if special < 14:
            return self._conflict(number, lane, kind, patient, dice)
        return self._values(number, lane, kind, patient, dice)

    def at_us(self, number: int, dice: Dice) -> int:
        """When this frame's values were observed; one of twenty comes late."""
        step = self.shape.step_us
        on_time = self.shape.begin_us + number * step
        return on_time - (1 + 600_000_000 // step) * step + 1_000 if dice.percent(5) else on_time

    def _readings(self, number: int, patient: int, dice: Dice) -> list[Reading]:
        """Values of a patient who is well, or, for some frames running, ill."""
        ill = (number // (self._lanes * 40) + patient) % 3 == 0
        at_us, readings = self.at_us(number, dice), []
        for place, signal in enumerate(SIGNALS):
            if place and not dice.percent(60 if ill else 40):
                continue
            low, high = signal.ill if ill else signal.well
            readings.append(Reading(signal, round(dice.between(low, high), signal.decimals), at_us))
        return readings

    def _values(self, number: int, lane: int, kind: str, patient: int, dice: Dice) -> Frame:
        return self._sent(number, lane, kind, patient, dice, self._readings(number, patient, dice))

    def _fault(self, number: int, lane: int, kind: str, patient: int, dice: Dice) -> Frame:
        """One reading that cannot be used, perhaps beside good ones; by MQTT also bytes that are nothing."""
        if kind in MQTT and dice.percent(30):
            body, context = words.nonsense(number), words.place(self._bed(patient))
            return Frame(number, lane, Door.MQTT_JSON, body, context, None, dead=("malformed",))
        if kind in MQTT and dice.percent(30):
            at_us = self.at_us(number, dice)
            return self._sent(number, lane, kind, -1 - number % 50, dice, [Reading(SIGNALS[0], 70.0, at_us)])
        good = self._readings(number, patient, dice) if dice.percent(50) else []
        at_us = self.at_us(number, dice)
        bad = Reading(SIGNALS[0], 70.0, at_us, unit="furlong", reason="unknown_unit")
        if dice.percent(50):
            bad = Reading(SIGNALS[0], 4_000.0, at_us, reason="implausible")
        return self._sent(number, lane, kind, patient, dice, [*good[1:], bad])

    def _conflict(self, number: int, lane: int, kind: str, patient: int, dice: Dice) -> Frame:
        """The id of an earlier frame of this lane over other content."""
        earlier = number - self._lanes * (1 + dice.below(20))
        readings = self._readings(number, patient, dice)
        if earlier < self.shape.patients:
            return self._sent(number, lane, kind, patient, dice, readings)
        return self._sent(number, lane, kind, patient, dice, readings, key=earlier)

    def _sent(
        self,
        number: int,
        lane: int,
        kind: str,
        patient: int,
        dice: Dice,
        readings: list[Reading],
        key: int | None = None,
    ) -> Frame:
        """Readings in the form of the lane. A negative patient is an empty bed."""
        name = f"{KEY}{number if key is None else key:08d}"
        rows = tuple(Row(patient, one.signal.number, one.at_us, one.value) for one in readings if one.reason is None)
        dead = tuple(one.reason for one in readings if one.reason is not None)
        if patient < 0:
            rows, dead = (), ("empty_bed",) * len(rows)
        hl7 = kind.startswith("hl7") or (kind in MQTT and patient >= 0 and dice.percent(20))
        bed = self._bed(patient)
        if hl7:
            body = words.report(number, name, words.patient(patient), readings)
            door, ids = (Door.HL7 if kind not in MQTT else Door.MQTT_HL7), ("hl7", name)
        else:
            by_bed = kind in MQTT or dice.percent(30)
            body = words.device(number, name, None if by_bed else words.patient(patient), bed, readings)
            door, ids = (Door.JSON if kind not in MQTT else Door.MQTT_JSON), ("json", name)
        context = words.place(bed) if kind in MQTT else ""
        return Frame(number, lane, door, body, context, ids, rows, dead, content_type=words.CONTENT_TYPES[hl7])

    def _adt(self, number: int, lane: int, patient: int, kind: int, dice: Dice | None = None) -> Frame:
        """An admission, or of patients in lanes whose beds nobody else's observations go by: any move."""
        named = dice is None or dice.percent(70)
        bed = self._bed(patient)
        if dice is not None and kind == 2:
            bed = f"{bed}-{dice.below(3)}"
        name = f"{KEY}{number:08d}"
        at_us = self.shape.begin_us + number * self.shape.step_us - (ADMITTED_S * 1_000_000 if dice is None else 0)
        body = words.move(number, name, kind, words.patient(patient), bed, at_us, named=named)
        return Frame(
            number, lane, Door.HL7, body, "", ("hl7", name), moves=kind, content_type=words.CONTENT_TYPES[True]
        )

    def _refused(self, number: int, lane: int, kind: str, dice: Dice) -> Frame:
        """What a door must not take."""
        hl7 = kind.startswith("hl7")
        body, status = words.refused_hl7(number, dice.below(3)) if hl7 else words.refused_json(number, dice.below(2))
        door = Door.HL7 if hl7 else Door.JSON
        return Frame(number, lane, door, body, "", None, refused=status, content_type=words.CONTENT_TYPES[hl7])

    def _bed(self, patient: int) -> str:
        return f"E{-patient}" if patient < 0 else f"B{patient}"
