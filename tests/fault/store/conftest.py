"""A PostgreSQL behind a line that fails, and a server on it, for all tests of a file."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from messages import WELL, acknowledgement, admission, unique, vitals
from running_server import RunningServer, start_server

from .database import Database
from .watch import stored_all

HL7 = {"Content-Type": "application/hl7-v2"}


@dataclass
class Neighbours:
    """The server, its database, and what it acknowledged."""

    database: Database
    server: RunningServer
    #: Frames with six observations each that were acknowledged.
    acknowledged: int = 0
    unit: str = field(default_factory=lambda: f"U{unique()}")

    @contextmanager
    def traffic(self) -> Iterator[Callable[[], int]]:
        """Admissions and vital signs as fast as they are answered, by one sender; the number acknowledged so far."""
        stop, errors = threading.Event(), list[BaseException]()

        def send() -> None:
            headers = HL7 | {"Authorization": f"Bearer {self.server.keys['ehr']}"}
            try:
                with httpx.Client(base_url=self.server.url, headers=headers, timeout=60) as ehr:
                    while not stop.is_set():
                        patient = f"P{unique()}"
                        for message in (admission(patient, self.unit, unique()), vitals(patient, WELL)):
                            answer = ehr.post("/v1/hl7v2", content=message)
                            assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text
                        self.acknowledged += 1
            except BaseException as error:
                errors.append(error)

        sender = threading.Thread(target=send)
        sender.start()
        try:
            yield lambda: self.acknowledged
        finally:
            stop.set()
            sender.join()
        assert not errors, errors

    def every_row_once(self) -> None:
        """All that was acknowledged is stored, nothing of it twice, and nobody lies in two beds."""
        stored_all(self.server)
        rows = self.database.fetch(
            "SELECT count(*) AS rows, count(DISTINCT (seq, ordinal)) AS distinct FROM observations"
        )
        assert rows[0]["rows"] == rows[0]["distinct"] == self.acknowledged * len(WELL)
        assert self.database.value("SELECT count(*) FROM bed_stays") == self.acknowledged


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """One database and one server for a file's tests; each leaves both running."""
    folder: Path = tmp_path_factory.mktemp("neighbours")
    database = Database(folder / "database")
    data = folder / "server"
    data.mkdir()
    server = start_server(data, DATABASE__URL=database.url)
    yield Neighbours(database, server)
    server.stop()
    database.close()
