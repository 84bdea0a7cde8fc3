"""One run: a house, its senders and a console under a schedule of faults; the undisturbed run; the verdict."""

import asyncio
import contextlib
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.fault.oracle import journal, tables, words
from tests.fault.oracle.console import Listener
from tests.fault.oracle.dice import Dice
from tests.fault.oracle.disk import can_mount
from tests.fault.oracle.evidence import Evidence
from tests.fault.oracle.faults import Breaker
from tests.fault.oracle.house import House
from tests.fault.oracle.http_lane import HttpLane
from tests.fault.oracle.judge import judge
from tests.fault.oracle.ledger import Ledger
from tests.fault.oracle.mqtt_lane import MqttLane
from tests.fault.oracle.neighbours import PRINCIPAL
from tests.fault.oracle.plan import FAST_LANES, LANES, MQTT, OUTSIDE_LANES, SPAN_S, Plan, Shape
from tests.fault.oracle.schedule import kills, schedule
from tests.fault.oracle.verdict import Verdict

SNAPSHOT_S, SOAK_SNAPSHOT_S = 2, 10
CATCH_UP_S_MAX, HEAR_S_MAX, LANES_S_MAX = 180.0, 30.0, 150.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a run."""

    seed: int
    #: How long the senders send; 0: until all messages are through.
    seconds: float = 60.0
    #: Messages; with seconds, what they would send in that time at most.
    messages: int = 0
    #: Messages a second, all lanes together; 0: as fast as they are answered.
    rate: float = 300.0
    #: kills -9 spread over the messages, instead of a schedule of all faults by time.
    kills: int = 0
    keep: bool = False
    #: Whether PostgreSQL and a broker are the hospital's own; None: by the seed, in two of five cases.
    outside: bool | None = None

    #: Whether the data folder is a small disk that is filled; None: by the seed, in one of four cases (if it can be).
    small: bool | None = None

    @property
    def is_small(self) -> bool:
        """Whether the data folder is a small disk."""
        return (
            (Dice(self.seed, 0xD15C).percent(25) and not self.kills and can_mount())
            if self.small is None
            else self.small
        )

    @property
    def is_outside(self) -> bool:
        """Whether PostgreSQL and a broker are the hospital's own."""
        return (Dice(self.seed, 0x0075).percent(40) and not self.kills) if self.outside is None else self.outside

    def shape(self) -> Shape:
        """The plan that goes with it."""
        frames = self.messages or int(self.seconds * self.rate * (1 + self.is_small))
        begin_us = (time.time_ns() // 1_000_000 - (SPAN_S + 60) * 1_000) // 2 * 2_000
        lanes = FAST_LANES if self.kills else OUTSIDE_LANES if self.is_outside else LANES
        return Shape(self.seed, frames, begin_us, patients=160 if self.kills else 40, lanes=lanes)

    @property
    def again(self) -> str:
        """The command that does it again."""
        words = ["python -m tests.fault", f"--seed {self.seed}"]
        words += [f"--kills {self.kills} --messages {self.messages}"] if self.kills else [f"--seconds {self.seconds:g}"]
        words += ["--small"] if self.small else []
        words += {None: [], True: ["--outside"], False: ["--inside"]}[self.outside]
        return " ".join([*words, f"--rate {self.rate:g}"])


def run(order: Order, say: Callable[[str], None] = print) -> Verdict:
    """Do it; the verdict. The evidence is kept where the verdict is bad, and the verdict says where."""
    folder = Path(tempfile.mkdtemp(prefix=f"nightlamp-fault-{order.seed}-"))
    began = time.monotonic()
    parts = _Run(order, folder, say)
    try:
        evidence = parts.through()
    finally:
        parts.house.disk.unmount()
    evidence.save()
    verdict = judge(evidence)
    possible = "possible" if can_mount() else "not possible here: no seed fills a disk"
    verdict.figures["small disk"] = "filled" if order.is_small else possible
    verdict.figures["seconds in all"] = round(time.monotonic() - began)
    if verdict.good and not order.keep:
        shutil.rmtree(folder)
    else:
        verdict.figures["evidence"] = str(folder)
    return verdict


class _Run:
    """The parts of one run."""

    def __init__(self, order: Order, folder: Path, say: Callable[[str], None]) -> None:
        self._order, self._folder, self._say = order, folder, say
        self._shape = order.shape()
        self._plan = Plan(self._shape)
        self._ledger = Ledger(self._plan.total)
        snapshot_s = SOAK_SNAPSHOT_S if order.kills else SNAPSHOT_S
        self.house = House(folder / "house", snapshot_s=snapshot_s, outside=order.is_outside, small=order.is_small)
        self._stop, self._over = threading.Event(), threading.Event()
        self._surprises: list[str] = []

    def through(self) -> Evidence:
        """From the first start to the undisturbed run."""
        house = self.house
        house.start()
        listener = Listener(house.address)
        try:
            done = self._disturbed(listener)
            self._empty_the_broker()
            mark, metrics = self._catch_up()
            self._dump(house, "tables", mark)
            self._hear_out(listener)
        finally:
            self._over.set()
            listener.stop()
            house.end(signal.SIGTERM)
            house.close()
        undisturbed = house.copy_for_an_undisturbed_run(self._folder / "undisturbed-house")
        shutil.copytree(undisturbed.folder / "journal", self._folder / "journal")
        house.disk.unmount()
        again = self._undisturbed(undisturbed, mark)
        if listener.not_resumed:
            self._surprises.append(f"the console was not resumed {listener.not_resumed} times")
        if listener.failure:
            self._surprises.append(f"the console: {listener.failure}")
        principals = {role: house.address.principal(role) for role in ("ehr", "device")} | {"broker": PRINCIPAL}
        surprises = [*self._surprises, *house.surprises, *undisturbed.surprises]
        return Evidence(
            self._folder, self._shape, mark, principals, self._ledger, listener.alerts, metrics, again, surprises, done
        )

    def _disturbed(self, listener: Listener) -> list[str]:
        """Admissions in peace, then everything at once. What was broken."""
        order, house, plan = self._order, self.house, self._plan
        self._broker_connected()
        peace = HttpLane(plan, -1, house.address, self._ledger, self._stop, 0)
        for number in range(self._shape.patients):
            peace.send([plan.frame(number)], insist=True)
        peace.close()
        lanes_n = len(self._shape.lanes)
        # On a small disk twice as fast, so that what room is left is used up.
        gap_s = lanes_n / order.rate / (1 + order.is_small) if order.rate else 0.0
        lanes: list[HttpLane | MqttLane] = [
            (MqttLane if kind in MQTT else HttpLane)(plan, lane, house.address, self._ledger, self._stop, gap_s)
            for lane, kind in enumerate(self._shape.lanes)
        ]
        began = time.monotonic()

        def progress() -> float:
            by_time = (time.monotonic() - began) / order.seconds if order.seconds and not order.kills else 0.0
            return max(by_time, self._ledger.done / self._shape.frames if order.kills else 0.0)

        todo = (
            kills(order.seed, order.kills)
            if order.kills
            else schedule(order.seed, order.seconds, outside=order.is_outside, small=order.is_small)
        )
        mqtt = [lane for lane in lanes if isinstance(lane, MqttLane)]
        breaker = Breaker(house, mqtt, listener, todo, progress, self._over)
        for one in (*lanes, breaker):
            one.thread.start()
        if order.kills:
            while any(lane.thread.is_alive() for lane in lanes):
                time.sleep(1)
                self._tell(progress(), breaker, began)
        else:
            self._stop.wait(order.seconds)
            self._stop.set()
        for lane in lanes:
            lane.thread.join(LANES_S_MAX)
            if lane.thread.is_alive() or lane.failure:
                self._surprises.append(f"{lane.thread.name}: {lane.failure or 'does not end'}")
        self._over.set()
        breaker.thread.join(120)
        if breaker.thread.is_alive() or breaker.failure:
            self._surprises.append(f"faults: {breaker.failure or 'do not end'}")
        self._figures = f"{self._ledger.done} messages in {time.monotonic() - began:.0f} s, {house.starts} starts"
        self._say(f"seed {order.seed}: sent {self._figures}")
        return breaker.done

    def _broker_connected(self) -> None:
        """Before the server has subscribed once, the broker holds nothing for it."""
        until = time.monotonic() + 30
        while self.house.broker is not None and time.monotonic() < until:
            if self.house.metrics().get("nightlamp_receive_mqtt_broker_connected"):
                return
            time.sleep(0.1)

    _told = 0.0

    def _tell(self, progress: float, breaker: Breaker, began: float) -> None:
        if time.monotonic() > self._told + 30:
            self._told = time.monotonic()
            rate = self._ledger.done / (time.monotonic() - began)
            self._say(f"{progress:6.1%}  {len(breaker.done)} faults  {rate:.0f} messages/s")

    def _empty_the_broker(self) -> None:
        """Wait until the server has what the broker has acknowledged."""
        acknowledged = self._ledger.acknowledged
        sent = {n for n in range(self._plan.total) if acknowledged[n] and self._plan.kind_of(n) == "broker"}
        until, left = time.monotonic() + CATCH_UP_S_MAX, sent
        while left and time.monotonic() < until:
            time.sleep(0.5)
            with contextlib.suppress(journal.JournalError, OSError):
                left = sent - {words.number_of(record.payload) for record in self.house.journal()}

    def _catch_up(self) -> tuple[int, dict[str, float]]:
        """Wait until all that is durable now is stored; that frame, and the counters in a moment when nothing moved."""
        until, wanted, said = time.monotonic() + CATCH_UP_S_MAX, None, ""
        while time.monotonic() < until:
            self.house.look_after()
            try:
                m = self.house.metrics()
                wanted = wanted or m["nightlamp_journal_durable_seq"]
                said = f"{m['nightlamp_store_cursor_seq']:.0f} of {wanted:.0f} stored"
                if m["nightlamp_store_cursor_seq"] >= wanted and not self._between(m):
                    return int(wanted), m
            except (httpx.HTTPError, KeyError) as error:
                said = type(error).__name__
            time.sleep(0.1)
        self._surprises.append(f"did not catch up within {CATCH_UP_S_MAX:.0f} s: {said}")
        return int(wanted or 0), {}

    @staticmethod
    def _between(m: dict[str, float]) -> bool:
        """A tick is under way, so counters read one after the other need not add up."""
        return bool(m["nightlamp_pipeline_lag_frames"] or m["nightlamp_store_frames_waiting"])

    def _hear_out(self, listener: Listener) -> None:
        """Give the console time to hear what is stored."""
        stored = [tables.whole(row[0]) << 16 | tables.whole(row[1]) for row in self._rows("alert_events")]
        until = time.monotonic() + HEAR_S_MAX
        while stored and listener.seen < max(stored) and time.monotonic() < until:
            time.sleep(0.05)

    def _rows(self, table: str) -> list[tables.Cells]:
        return list(tables.rows(self._folder / "tables" / f"{table}.copy"))

    def _dump(self, house: House, into: str, mark: int) -> None:
        (self._folder / into).mkdir()
        asyncio.run(self._write_tables(house, self._folder / into, mark))

    async def _write_tables(self, house: House, folder: Path, mark: int) -> None:
        connection = await house.connect()
        try:
            await tables.dump(connection, folder, mark)
        finally:
            await connection.close()

    def _undisturbed(self, house: House, mark: int) -> dict[str, float]:
        """The same journal in a fresh house; its counters once everything is stored."""
        house.start()
        try:
            until, m = time.monotonic() + CATCH_UP_S_MAX, {}
            while time.monotonic() < until:
                m = house.metrics()
                if m["nightlamp_store_cursor_seq"] >= mark and not self._between(m):
                    break
                time.sleep(0.1)
            else:
                self._surprises.append("the undisturbed run did not store everything in time")
            self._dump(house, "undisturbed", mark)
            return m
        finally:
            house.end(signal.SIGTERM)
            house.close()
