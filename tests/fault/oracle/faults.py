"""Faults, done to a house, its senders and its console, as the schedule says. What was done is noted with its time."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import redis

from nightlamp.embedded.child import Account, socket_folder
from tests.fault.oracle.house import House, signal_all
from tests.fault.oracle.mqtt_lane import MqttLane
from tests.fault.oracle.schedule import Fault


class Console(Protocol):
    """The part of the listener that a fault needs."""

    def cut(self) -> None:
        """Break its connection."""
        ...


class Breaker:
    """Does what a schedule says, in a thread of its own, one fault after the other."""

    def __init__(
        self,
        house: House,
        mqtt: Sequence[MqttLane],
        console: Console,
        schedule: Sequence[Fault],
        progress: Callable[[], float],
        over: threading.Event,
    ) -> None:
        """`progress`: the share of the run that is done, 0 to 1. `over`: nothing more is to be broken."""
        self._house, self._mqtt, self._console = house, mqtt, console
        self._schedule, self._progress, self._over = schedule, progress, over
        self.done: list[str] = []
        self.failure: str | None = None
        self._began = time.monotonic()
        self.thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def _run(self) -> None:
        try:
            for fault in self._schedule:
                while self._progress() < fault.at:
                    if self._over.wait(0.02):
                        return
                    self._house.look_after()
                began = time.monotonic()
                said = self._do(fault) or ""
                took_s = time.monotonic() - began
                self.done.append(f"{began - self._began:8.2f} s  {fault.name}  ({took_s:.2f} s) {said}".rstrip())
            while not self._over.wait(0.1):
                self._house.look_after()
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _do(self, fault: Fault) -> str | None:
        house = self._house
        match fault.name:
            case "kill the server":
                house.end(signal.SIGKILL)
                house.start()
            case "terminate the server":
                said = f"ended in {house.end(signal.SIGTERM):.1f} s"
                house.start()
                return said
            case "kill the server while postgresql stands still":
                self._end_without_database(fault, signal.SIGKILL)
            case "terminate the server while postgresql stands still":
                self._end_without_database(fault, signal.SIGTERM)
            case "kill the server as it starts":
                house.end(signal.SIGKILL)
                house.start_and_kill(fault.for_s)
                house.start()
            case "stop the server":
                with house.lock:
                    os.kill(house.running.process.pid, signal.SIGSTOP)
                    time.sleep(fault.for_s)
                    os.kill(house.running.process.pid, signal.SIGCONT)
            case "kill postgresql":
                return f"{signal_all(house.family('postgres')[:1], signal.SIGKILL)} killed"
            case "stop postgresql":
                return self._stand_still("postgres", fault.for_s)
            case "terminate postgresql's connections":
                house.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            case "kill redis":
                return f"{signal_all(house.family('redis-server')[:1], signal.SIGKILL)} killed"
            case "stop redis":
                return self._stand_still("redis-server", fault.for_s)
            case "fill the disk":
                said = f"{house.disk.fill() >> 20} MiB of ballast"
                try:
                    time.sleep(fault.for_s)
                finally:
                    house.disk.empty()
                return said
            case "flush redis":
                self._flush()
            case "reset mqtt" | "reset mqtt and forget":
                self._mqtt[fault.which % len(self._mqtt)].reset(forget=fault.name.endswith("forget"))
            case "cut the console":
                self._console.cut()
            case _:
                self._outside(fault)
        return None

    def _outside(self, fault: Fault) -> None:
        """Faults of what is not the server's."""
        database, broker = self._house.postgresql, self._house.broker
        if database is None or broker is None:
            raise ValueError(f"no such fault: {fault.name}")
        match fault.name:
            case "kill postgresql for a time" | "shut postgresql down for a time":
                database.end(signal.SIGKILL if fault.name.startswith("kill") else signal.SIGINT)
                time.sleep(fault.for_s)
                database.start()
            case "cut the line to postgresql":
                database.line.cut()
            case "cut the line in the midst of a write":
                database.line.cut(after_bytes=1 + fault.which * 200)
            case "stall the line to postgresql":
                database.line.stall(fault.for_s)
                time.sleep(fault.for_s)
            case "slow the line to postgresql":
                database.line.slow(fault.for_s, 0.02)
                time.sleep(fault.for_s)
            case "restart the broker":
                broker.end()
                time.sleep(fault.for_s)
                broker.start()
            case _:
                raise ValueError(f"no such fault: {fault.name}")

    def _stand_still(self, name: str, for_s: float) -> str:
        stopped = self._house.family(name)
        count = signal_all(stopped, signal.SIGSTOP)
        try:
            time.sleep(for_s)
        finally:
            signal_all(stopped, signal.SIGCONT)
        return f"{count} processes stood still"

    def _end_without_database(self, fault: Fault, how: signal.Signals) -> None:
        """PostgreSQL stands still, rows pile up, the server ends; PostgreSQL goes on before the next start."""
        stopped = self._house.family("postgres")
        signal_all(stopped, signal.SIGSTOP)
        try:
            time.sleep(fault.for_s)
            resume = threading.Timer(3.0, signal_all, (stopped, signal.SIGCONT))
            resume.start()
            self._house.end(how)
            resume.join()
        finally:
            signal_all(stopped, signal.SIGCONT)
        self._house.start()

    def _flush(self) -> None:
        path = socket_folder(self._house.folder, Account.find()) / "redis.sock"
        with contextlib.suppress(redis.RedisError, OSError):
            client = redis.Redis(unix_socket_path=str(path))
            try:
                client.flushall()
            finally:
                client.close()
