"""P1, P3: after a power cut the database comes back last; frames are taken meanwhile, and each gives its rows once."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from messages import WELL, acknowledgement, admission, unique, vitals
from running_server import RunningServer, start_server
from waiting import until

from .conftest import HL7
from .database import Database
from .watch import ready, stored_all


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "database")
    yield found
    found.close()


def _send(server: RunningServer, patients: int) -> None:
    with server.client("ehr") as ehr:
        for _ in range(patients):
            patient = f"P{unique()}"
            for message in (admission(patient, "U", unique()), vitals(patient, WELL)):
                answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                assert acknowledgement(answer.text)["MSA"][0][1] == "AA", answer.text


def _mqtt_port(server: RunningServer) -> int | None:
    port: int | None = json.loads((server.data_dir / "server.json").read_text())["mqtt_port"]
    return port


def test_p1_p3_frames_are_taken_while_the_database_has_not_answered_since_the_start(
    database: Database, tmp_path: Path
) -> None:
    data = tmp_path / "server"
    data.mkdir()
    server = start_server(data, DATABASE__URL=database.url)
    _send(server, 5)
    stored_all(server)
    server.stop()

    database.line.refuse()
    server = start_server(data, DATABASE__URL=database.url)
    try:
        assert _mqtt_port(server) is None
        status, stages = ready(server)
        assert status == 503
        assert "waits for PostgreSQL" in stages["decode, window, score, alert"]["reason"]
        assert stages["store"]["state"] == "down"
        assert stages["journal"]["state"] == "ok"
        _send(server, 5)
        # A server that is killed while it waits has promised no less.
        server.stop(signal.SIGKILL)
        server = start_server(data, DATABASE__URL=database.url)
        _send(server, 5)
        database.line.open()
        until(lambda: ready(server)[0] == 200)
        stored_all(server)
        assert _mqtt_port(server)
        query = "SELECT count(*) AS rows, count(DISTINCT (seq, ordinal)) AS distinct FROM observations"
        assert tuple(database.fetch(query)[0]) == (15 * len(WELL), 15 * len(WELL))
        assert database.value("SELECT count(*) FROM bed_stays") == 15

        server.stop()
        database.line.refuse()
        server = start_server(data, DATABASE__URL=database.url)
        database.fetch("UPDATE store_cursor SET journal = 'another'")
        database.line.open()
        assert server.process.wait(30) == 1
        assert "another journal" in server.log
    finally:
        server.stop()
