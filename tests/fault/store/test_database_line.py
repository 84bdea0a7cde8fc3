"""P2, P3: PostgreSQL goes, hangs, crawls, or its line is cut at any byte; each acknowledged row is there once.

Seeded: the places of the cuts are the same in every run.
"""

import random
import secrets
import time

import pytest
from messages import ILL, acknowledgement, admission, unique, vitals
from waiting import until

from .conftest import HL7, Neighbours
from .watch import metrics, ready

SEED, CUTS = 41, 12
SERVICE_LEVEL_S = 5.0


def _waits(neighbours: Neighbours) -> bool:
    return metrics(neighbours.server)["store_up"] == 0


@pytest.mark.parametrize("side", ["cut_after", "cut_after_answers"])
def test_p2_a_line_cut_at_any_byte_stores_each_row_once(neighbours: Neighbours, side: str) -> None:
    """Inside COPY, between its end and COMMIT, and before the answer to COMMIT has come: the cursor decides."""
    line, places = neighbours.database.line, random.Random(SEED)
    print(f"seed {SEED}")
    with neighbours.traffic() as acknowledged:
        until(acknowledged)
        for _ in range(CUTS):
            cuts = line.cuts
            setattr(line, side, places.randrange(1, 20_000 if side == "cut_after" else 600))
            until(lambda cuts=cuts: line.cuts > cuts)
            # At least one write gets through before the next cut.
            cursor = metrics(neighbours.server)["store_cursor_seq"]
            until(lambda cursor=cursor: metrics(neighbours.server)["store_cursor_seq"] > cursor)
    neighbours.every_row_once()


def test_p2_sessions_ended_by_the_administrator_cost_nothing(neighbours: Neighbours) -> None:
    """pg_terminate_backend under traffic, then a fast shutdown and a crash of the whole server."""
    database = neighbours.database
    ours = "FROM pg_stat_activity WHERE application_name LIKE 'nightlamp%'"
    with neighbours.traffic() as acknowledged:
        for _ in range(10):
            before = acknowledged()
            until(lambda: database.fetch(f"SELECT pg_terminate_backend(pid) {ours}"))
            until(lambda before=before: acknowledged() > before)
            time.sleep(0.1)
        database.stop()
        until(lambda: _waits(neighbours))
        status, stages = ready(neighbours.server)
        assert (status, stages["store"]["state"]) == (200, "degraded")
        before = acknowledged()
        until(lambda: acknowledged() > before + 20)
        database.start()
        until(lambda: not _waits(neighbours))
        database.line.cut()
    neighbours.every_row_once()
    until(lambda: ready(neighbours.server)[1]["store"]["state"] == "ok")


def test_p3_slow_commits_hold_up_neither_senders_nor_alerts(neighbours: Neighbours) -> None:
    """Each answer of PostgreSQL takes half a second longer; an alert is asked of the console's snapshot meanwhile."""
    line = neighbours.database.line
    with neighbours.traffic() as acknowledged:
        until(acknowledged)
        line.delay_s = 0.5
        time.sleep(1)
        before, began = acknowledged(), time.monotonic()
        opened = metrics(neighbours.server)["pipeline_alerts_opened_total"]
        patient = f"P{unique()}"
        with neighbours.server.client("ehr") as ehr:
            for message in (admission(patient, neighbours.unit, unique()), vitals(patient, ILL)):
                answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                assert acknowledgement(answer.text)["MSA"][0][1] == "AA"
        neighbours.acknowledged += 1
        until(lambda: metrics(neighbours.server)["pipeline_alerts_opened_total"] > opened, SERVICE_LEVEL_S)
        until(lambda: acknowledged() > before + 20)
        print(f"{acknowledged() - before} pairs of messages in {time.monotonic() - began:.1f} s")
        line.delay_s = 0.0
    neighbours.every_row_once()


def test_p4_a_row_that_postgresql_refuses_becomes_a_dead_letter_and_nothing_waits_for_it(
    neighbours: Neighbours,
) -> None:
    """The name of a unit is longer than an index entry may be: the only row in the way of all others."""
    patient, unit = f"P{unique()}", secrets.token_hex(4_000)
    with neighbours.traffic() as acknowledged:
        before = acknowledged()
        until(lambda: acknowledged() > before + 5)
        with neighbours.server.client("ehr") as ehr:
            answer = ehr.post("/v1/hl7v2", content=admission(patient, unit, "1"), headers=HL7)
            assert acknowledgement(answer.text)["MSA"][0][1] == "AA"
        before = acknowledged()
        until(lambda: acknowledged() > before + 5)
    neighbours.every_row_once()
    counted = metrics(neighbours.server)
    assert (counted["store_rows_refused_total"], counted["store_up"]) == (1, 1)
    with neighbours.server.client("sre") as sre:
        (letter,) = sre.get("/v1/dead-letters", params={"reason": "not_storable"}).json()["items"]
    assert (letter["stage"], letter["location"]) == ("store", "encounter_events[0]")
    assert "54000" in letter["detail"]
    assert unit[:20] not in letter["detail"] + neighbours.server.log
    with neighbours.server.client("admin") as admin:
        raw = admin.get(f"/v1/dead-letters/{letter['seq']}", params={"raw": True}).json()["payload_base64"]
    assert raw


def test_p2_an_exchanged_database_is_refused_in_words_and_frames_wait(neighbours: Neighbours) -> None:
    """Another journal's cursor, far ahead: what comes now must not count as stored."""
    database = neighbours.database
    (row,) = database.fetch("SELECT journal FROM store_cursor")
    with neighbours.traffic() as acknowledged:
        database.fetch("UPDATE store_cursor SET journal = 'another', seq = seq + 1000000")
        until(lambda: ready(neighbours.server)[0] == 503)
        said = ready(neighbours.server)[1]["store"]
        assert said["state"] == "down"
        assert "exchanged or emptied" in said["reason"]
        before = acknowledged()
        until(lambda: acknowledged() > before + 5)
        # Nothing moves while it is refused: this was confirmed last. One statement, the server writes between two.
        cursor = int(metrics(neighbours.server)["store_cursor_seq"])
        database.fetch("UPDATE store_cursor SET journal = $1, seq = $2", row["journal"], cursor)
        until(lambda: ready(neighbours.server)[0] == 200)
    neighbours.every_row_once()
