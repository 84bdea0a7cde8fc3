"""What was acknowledged is compared with the journal, the journal with the tables, the tables with the undisturbed run,
the counters with each other, the alerts heard with the alerts stored.

The evidence is a folder (see `evidence.py`). The journal's order decides what each record must have become: the first
of its key its rows and dead letters, other bytes under the same key one dead letter, the same bytes again nothing.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby, pairwise
from math import isnan
from pathlib import Path

from nightlamp.store.reader import ALERT_KINDS
from tests.fault.oracle import journal, tables, words
from tests.fault.oracle.evidence import Evidence
from tests.fault.oracle.journal import Record
from tests.fault.oracle.plan import MQTT, Door, Frame, Plan
from tests.fault.oracle.verdict import Verdict

_EPOCH_2000_US = 946_684_800_000_000
FINAL = 1
ROLES = {Door.HL7: "ehr", Door.JSON: "device", Door.MQTT_JSON: "device", Door.MQTT_HL7: "device"}
#: What the pipeline's counters must say of the whole journal; observations by what became of them.
KINDS = ("decoded", "dead", "repeated", "conflicting", "internal")


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a run."""
    verdict = Verdict(evidence.shape.seed)
    for surprise in evidence.surprises:
        verdict.blame("the run itself", surprise)
    counted = _Journal(evidence, verdict).compare()
    _counters(evidence, counted, verdict)
    _alerts(evidence, verdict)
    _undisturbed(evidence, verdict)
    return verdict


class _Journal:
    """The walk along the journal with the tables beside it."""

    def __init__(self, evidence: Evidence, verdict: Verdict) -> None:
        self._evidence, self._verdict = evidence, verdict
        self._plan = Plan(evidence.shape)
        self._first: dict[tuple[str, ...], int] = {}
        self._times = Counter[int]()
        self._kinds = Counter[str]()
        self._patients = {
            bytes(row[0] or b""): (row[1] or b"").decode() for row in tables.rows(evidence.table("identities"))
        }

    def compare(self) -> Counter[str]:
        """Every record of the journal up to the mark; how many ended how."""
        beside = {
            name: _Beside(self._evidence.table(name)) for name in ("observations", "dead_letters", "encounter_events")
        }
        for record in journal.read(self._evidence.folder / "journal"):
            if record.seq > self._evidence.mark:
                break
            self._record(record, {name: one.of(record.seq) for name, one in beside.items()})
        for name, one in beside.items():
            left = sum(1 for _ in one.rest())
            self._verdict.blame("stored and not expected", f"{left} {name} of no frame", left)
        self._senders()
        self._verdict.figures |= {
            "frames in the journal": sum(self._kinds.values()),
            **{f"  {kind}": self._kinds[kind] for kind in ("tick", "policy", *KINDS)},
        }
        return self._kinds

    def _record(self, record: Record, found: dict[str, list[tables.Cells]]) -> None:
        if record.source == journal.TICK:
            self._kinds["tick"] += 1
            self._expect(record, (), (), None, found)
            return
        if record.source == journal.POLICY:  # what a start adopts
            self._kinds["policy"] += 1
            self._expect(record, (), (), None, found)
            return
        number = words.number_of(record.payload)
        frame = self._plan.frame(number) if number is not None and number < self._plan.total else None
        if frame is None or not self._is(record, frame):
            self._verdict.blame("journalled and nobody's", f"frame {record.seq}, source {record.source}")
            self._kinds["decoded"] += 1
            return
        self._times[frame.number] += 1
        copy = frame.key is not None and self._times[frame.number] > 1
        if copy:
            self._kinds["repeated"] += 1
            self._expect(record, (), (), None, found)
        elif frame.key is None or self._first.setdefault(frame.key, frame.number) == frame.number:
            self._kinds["dead" if frame.whole_dead else "decoded"] += 1
            self._expect(record, frame.rows, frame.dead, frame, found)
        else:
            self._kinds["conflicting"] += 1
            self._expect(record, (), ("duplicate_conflict",), None, found)

    def _is(self, record: Record, frame: Frame) -> bool:
        """Whether the record is what was sent, byte for byte, by the right sender, through the right door."""
        return (
            record.payload == frame.body
            and record.source == frame.door.value
            and record.context == frame.context
            and record.principal == self._evidence.principals[self._sender(frame)]
        )

    def _sender(self, frame: Frame) -> str:
        return "broker" if self._plan.kind_of(frame.number) == "broker" else ROLES[frame.door]

    def _expect(
        self,
        record: Record,
        rows: tuple[object, ...],
        dead: tuple[str, ...],
        frame: Frame | None,
        found: dict[str, list[tables.Cells]],
    ) -> None:
        """Compares what is stored of one record with what must be."""
        verdict, where = self._verdict, f"frame {record.seq}"
        wanted: Counter[tuple[object, ...]] = Counter(
            (words.patient(row.patient), row.signal, row.at_us, row.value, FINAL, record.source)
            for row in (frame.rows if frame is not None else ())
        )
        ordinals = [row[1] for row in found["observations"]]
        verdict.blame("stored twice", f"{where}: an observation", len(ordinals) - len(set(ordinals)))
        have: Counter[tuple[object, ...]] = Counter(
            (
                self._patients.get(bytes(row[2] or b""), "nobody"),
                tables.whole(row[3]),
                tables.whole(row[4]) + _EPOCH_2000_US,
                None if row[5] is None else tables.number(row[5]),
                tables.whole(row[6]),
                tables.whole(row[7]),
            )
            for row in dict(zip(ordinals, found["observations"], strict=True)).values()
        )
        verdict.blame("acknowledged and not stored", f"{where}: {wanted - have}", (wanted - have).total())
        verdict.blame("stored and not expected", f"{where}: {have - wanted}", (have - wanted).total())
        self._letters(record, Counter(dead), found["dead_letters"])
        kinds = [tables.whole(row[2]) for row in found["encounter_events"]]
        moves = [frame.moves] if frame is not None and frame.moves is not None else []
        verdict.blame("encounter events wrong", f"{where}: {kinds} where {moves} belong", int(kinds != moves))

    def _letters(self, record: Record, wanted: Counter[str], found: list[tables.Cells]) -> None:
        verdict, where = self._verdict, f"frame {record.seq}"
        ordinals = Counter(tables.whole(row[1]) for row in found)
        verdict.blame("stored twice", f"{where}: a dead letter", ordinals.total() - len(ordinals))
        have = Counter((row[2] or b"").decode() for row in found)
        verdict.blame("dead letters missed", f"{where}: {wanted - have}", (wanted - have).total())
        verdict.blame("dead letters not expected", f"{where}: {have - wanted}", (have - wanted).total())
        raws = [row[3] for row in found if row[3] is not None]
        if found and raws != [record.payload]:
            verdict.blame("unaccounted", f"{where}: the dead letter does not hold the frame's bytes once")

    def _senders(self) -> None:
        """What was acknowledged is journalled; what was refused is not; nothing is there that nobody sent."""
        ledger, verdict = self._evidence.ledger, self._verdict
        for number in range(self._plan.total):
            times, sure = self._times[number], int(ledger.acknowledged[number])
            # paho sends again by itself, as often as its line breaks: what it delivers twice is known by its id.
            mqtt = self._plan.kind_of(number) in MQTT
            most = sure + int(ledger.unknown[number])
            if times < (min(sure, 1) if mqtt else sure):
                verdict.blame(
                    "acknowledged and not journalled", f"message {number}: {sure} times, {times} in the journal"
                )
            if ledger.refused[number] and times > most:
                verdict.blame("refused and journalled", f"message {number}")
            elif times > most and not mqtt:
                verdict.blame("sent less often than journalled", f"message {number}: {times} of at most {most}")
            elif times and not most:
                verdict.blame("sent less often than journalled", f"message {number}: never sent")
        verdict.figures |= {
            "messages acknowledged": int(ledger.acknowledged.sum()),
            "messages refused": int(ledger.refused.sum()),
            "messages of unknown outcome": int(ledger.unknown.sum()),
        }


class _Beside:
    """The rows of a table by frame, read in step with the journal."""

    def __init__(self, path: Path) -> None:
        self._groups = groupby(tables.rows(path), key=lambda row: tables.whole(row[0]))
        self._next: tuple[int, list[tables.Cells]] | None = None
        self._skipped: list[tables.Cells] = []
        self._advance()

    def _advance(self) -> None:
        seq, group = next(self._groups, (None, iter(())))
        self._next = None if seq is None else (seq, list(group))

    def of(self, seq: int) -> list[tables.Cells]:
        """The rows of this frame."""
        while self._next is not None and self._next[0] < seq:
            self._skipped += self._next[1]
            self._advance()
        if self._next is None or self._next[0] != seq:
            return []
        found = self._next[1]
        self._advance()
        return found

    def rest(self) -> Iterator[tables.Cells]:
        """Rows of frames that were never asked for."""
        yield from self._skipped
        while self._next is not None:
            yield from self._next[1]
            self._advance()


def _counters(evidence: Evidence, counted: Counter[str], verdict: Verdict) -> None:
    """P4 in `/metrics`: of the disturbed server since its last start, of the undisturbed one over the whole journal."""
    for which, m in (("disturbed", evidence.metrics), ("undisturbed", evidence.metrics_undisturbed)):
        if not m:
            verdict.blame("counters that do not add up", f"{which}: there are none")
            continue
        kept = sum(m[f"nightlamp_pipeline_observations_{kind}_total"] for kind in ("kept", "repeated", "dead"))
        kinds = sum(m[f"nightlamp_pipeline_frames_{kind}_total"] for kind in ("tick", "action", "policy", *KINDS))
        # A door that was never used has no series.
        http = [m.get(f"nightlamp_receive_http_{what}_total", 0) for what in ("messages", "accepted", "refused")]
        messages, accepted, refused = http
        stored = m["nightlamp_store_frames_total"] + m["nightlamp_store_frames_waiting"]
        for left, right, what in (
            (m["nightlamp_pipeline_frames_total"], kinds, "frames by kind"),
            (m["nightlamp_pipeline_observations_total"], kept, "observations by kind"),
            (messages, accepted + refused, "messages by outcome"),
            (m["nightlamp_store_frames_taken_total"], stored, "frames taken and stored"),
        ):
            if left != right:
                verdict.blame("counters that do not add up", f"{which}: {what}: {left:.0f} and {right:.0f}")
    whole = evidence.metrics_undisturbed
    for kind in KINDS if whole else ():
        said = whole[f"nightlamp_pipeline_frames_{kind}_total"]
        if said != counted[kind]:
            verdict.blame("unaccounted", f"{kind}: counted {said:.0f}, in the journal {counted[kind]}")


def _alerts(evidence: Evidence, verdict: Verdict) -> None:
    """Everything stored was heard once, in order, and the same."""
    stored = {
        (tables.whole(row[0]) << 16) | tables.whole(row[1]): (
            tables.whole(row[2]),
            ALERT_KINDS[tables.whole(row[3])],
            None if isnan(tables.number(row[4])) else tables.number(row[4]),
            (row[5] or b"").hex(),
        )
        for row in tables.rows(evidence.table("alert_events"))
    }
    # Up to the last frame compared: an alert that is in neither run's table is nobody's, the newest too.
    heard = [one for one in evidence.heard if one.cursor < (evidence.mark + 1) << 16]
    times = Counter(one.cursor for one in heard)
    for cursor in sorted(stored.keys() - times.keys()):
        verdict.blame("alerts missed", f"{cursor} of frame {cursor >> 16}")
    for cursor, count in times.items():
        verdict.blame("alerts twice", f"{cursor} of frame {cursor >> 16}: {count} times", count - 1)
    for before, after in pairwise(heard):
        verdict.blame("alerts out of order", f"{after.cursor} after {before.cursor}", int(after.cursor < before.cursor))
    for one in heard:
        said = (one.alert_id, one.kind, one.value, one.patient.replace("-", ""))
        if stored.get(one.cursor) != said:
            verdict.blame("alerts not in the tables", f"{one.cursor}: {said} where {stored.get(one.cursor)} is stored")
    verdict.figures |= {"alert events": len(stored), "alerts heard": len(heard)}


def _undisturbed(evidence: Evidence, verdict: Verdict) -> None:
    """Every table of both runs, bit for bit."""
    compared = 0
    names = {path.stem for run in ("tables", "undisturbed") for path in (evidence.folder / run).glob("*.copy")}
    for name in sorted(names):
        one, other = (evidence.folder / run / f"{name}.copy" for run in ("tables", "undisturbed"))
        if not (one.exists() and other.exists()):
            verdict.blame("rows that differ from the undisturbed run", f"{name} is only in one run")
            continue
        if one.read_bytes() == other.read_bytes():
            compared += sum(1 for _ in tables.rows(one))
            continue
        columns = (evidence.folder / "tables" / f"{name}.columns").read_text().split()
        have, want = Counter(tables.rows(one)), Counter(tables.rows(other))
        compared += have.total()
        extra, missing = sorted((have - want).elements(), key=repr), sorted((want - have).elements(), key=repr)
        verdict.blame(
            "rows that differ from the undisturbed run",
            f"{name}: {len(extra)} rows only here, {len(missing)} only there; {_first(columns, extra, missing)}",
            max(len(extra), len(missing), 1),
        )
    verdict.figures["rows equal bit for bit or reported"] = compared
    if not compared:
        verdict.blame("rows that differ from the undisturbed run", "nothing was compared")


def _first(columns: list[str], extra: list[tables.Cells], missing: list[tables.Cells]) -> str:
    """Where the first pair differs, by column; identity is made up here, so it may be shown."""
    if not (extra and missing):
        return "the first: " + repr((extra or missing or [()])[0])[:300]
    by = {row[:2]: row for row in missing}
    one = next((row for row in extra if row[:2] in by), extra[0])
    other = by.get(one[:2], missing[0])
    names = [name for name, a, b in zip(columns, one, other, strict=True) if a != b]
    where = f" of frame {tables.whole(one[0])}" if columns[0] == "seq" else ""
    return f"the first in {', '.join(names)}{where}"
