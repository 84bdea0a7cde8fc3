"""P1 to P5 of a whole server: killed, cut off from its database, restarted; nothing acknowledged is lost or doubled."""

import asyncio
import contextlib
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
from messages import WELL, acknowledgement, admission, unique, vitals
from running_server import RunningServer
from waiting import until

from nightlamp.embedded.child import Account, socket_folder

HL7 = {"Content-Type": "application/hl7-v2"}
Start = Callable[..., RunningServer]


def _stored_whole(server: RunningServer, within_s: float = 60) -> int:
    """Observations in the server's own database once all that is durable now is stored; none of them twice.

    The table is read, not the view behind the query API, which would show a doubled row once.
    """
    durable = server.metrics()["nightlamp_journal_durable_seq"]
    until(lambda: server.metrics()["nightlamp_store_cursor_seq"] >= durable, within_s)

    async def count() -> tuple[int, int]:
        sockets = socket_folder(server.data_dir, Account.find())
        connection = await asyncpg.connect(host=str(sockets), port=5432, user="postgres", database="nightlamp")
        try:
            rows = await connection.fetchrow("SELECT count(*), count(DISTINCT (seq, ordinal)) FROM observations")
        finally:
            await connection.close()
        return rows[0], rows[1]

    rows, distinct = asyncio.run(count())
    assert rows == distinct
    return rows


@contextlib.contextmanager
def _postgresql_hangs(server: RunningServer) -> Iterator[None]:
    """The server's own PostgreSQL stands still meanwhile, every process of it."""
    postmaster = next(one for one in psutil.Process(server.process.pid).children() if _name(one) == "postgres")
    processes = [postmaster, *postmaster.children()]
    try:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        yield
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()


def _name(process: psutil.Process) -> str:
    """What a process is called; empty where it has ended meanwhile, as PostgreSQL's short ones do."""
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def test_what_was_acknowledged_before_a_kill_is_stored_once_after_it(new_server: Start) -> None:
    """P1 and P2: kill -9 in the midst of traffic; then every acknowledged observation is there, exactly once."""
    server = new_server()
    patient, unit = f"P{unique()}", f"U{unique()}"
    acknowledged: list[str] = []

    def send() -> None:
        with server.client("ehr") as ehr, contextlib.suppress(httpx.HTTPError):
            ehr.post("/v1/hl7v2", content=admission(patient, unit, "1"), headers=HL7)
            for n in range(100_000):
                control_id = f"K{unique()}"
                values = {"8867-4": (str(60 + n % 60), "/min")}
                message = vitals(patient, values, control_id=control_id, ago_s=3_600 - n)
                answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                if acknowledgement(answer.text)["MSA"][0][1] == "AA":
                    acknowledged.append(control_id)

    sender = threading.Thread(target=send)
    sender.start()
    until(lambda: len(acknowledged) > 300)
    server.stop(signal.SIGKILL)
    sender.join()
    again = new_server(server.data_dir)
    # One more may have reached the disk without its acknowledgement reaching us.
    assert _stored_whole(again) - len(acknowledged) in {0, 1}
    assert psutil.pid_exists(again.process.pid)


def test_no_process_stays_behind_whatever_the_end(new_server: Start) -> None:
    for how, code in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -9)):
        server = new_server()
        family = psutil.Process(server.process.pid).children(recursive=True)
        assert {"postgres", "redis-server"} <= {_name(one) for one in family}
        assert server.stop(how) == code
        _, alive = psutil.wait_procs(family, timeout=15)
        assert not alive, how
        assert (server.data_dir / "server.json").exists() == (how == signal.SIGKILL)


def test_scoring_outlives_postgresql_and_storing_catches_up(new_server: Start) -> None:
    """P3: PostgreSQL hangs under traffic; senders are acknowledged all the same; then everything is stored."""
    server = new_server()
    unit = f"U{unique()}"
    with server.client("ehr") as ehr, server.client("sre") as sre:
        ehr.post("/v1/hl7v2", content=admission(f"P{unique()}", unit, "0"), headers=HL7)
        until(lambda: server.metrics()["nightlamp_store_cursor_seq"] > 0)
        with _postgresql_hangs(server):
            for bed in range(1, 31):
                patient = f"P{unique()}"
                for message in (admission(patient, unit, str(bed)), vitals(patient, WELL)):
                    answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                    assert acknowledgement(answer.text)["MSA"][0][1] == "AA"
            seen = 30 * len(WELL)
            scored = until(lambda: (m := server.metrics())["nightlamp_pipeline_observations_total"] >= seen and m)
            assert scored["nightlamp_pipeline_scores_total"] > 0
            assert sre.get("/readyz").status_code == 200
    assert _stored_whole(server) == 30 * len(WELL)


def test_embedded_servers_that_end_by_themselves_come_back_and_nothing_is_lost(new_server: Start) -> None:
    server = new_server()
    unit = f"U{unique()}"
    family = psutil.Process(server.process.pid).children(recursive=True)
    with server.client("ehr") as ehr:
        ehr.post("/v1/hl7v2", content=admission(f"P{unique()}", unit, "0"), headers=HL7)
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        for bed in range(1, 11):
            patient = f"P{unique()}"
            for message in (admission(patient, unit, str(bed)), vitals(patient, WELL)):
                assert ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200

    def answers() -> bool:
        with server.client("admin") as admin:
            return admin.get("/v1/patients").status_code == 200

    until(answers, within_s=60)
    assert _stored_whole(server) == 10 * len(WELL)
    with server.client("sre") as sre:
        until(lambda: sre.get("/readyz").json()["status"] == "ok")


def test_the_counters_of_the_stages_add_up(server: RunningServer) -> None:
    """P4: what came in is accounted for at every stage."""
    with server.client("ehr") as ehr, server.client("device") as device:
        patient = f"P{unique()}"
        for content in (admission(patient, "U", unique()), vitals(patient, WELL), "nonsense"):
            ehr.post("/v1/hl7v2", content=content, headers=HL7)
        device.post("/v1/observations", json={"observations": []})

    def settled() -> dict[str, float] | None:
        m = server.metrics()
        waiting = m["nightlamp_pipeline_lag_frames"] + m["nightlamp_store_frames_waiting"]
        even = m["nightlamp_journal_frames_total"] == m["nightlamp_pipeline_frames_total"]
        return m if not waiting and even and m["nightlamp_store_frames_total"] else None

    m = until(settled)
    assert (
        m["nightlamp_receive_http_messages_total"]
        == m["nightlamp_receive_http_accepted_total"] + m["nightlamp_receive_http_refused_total"]
    )
    kinds = ("tick", "action", "policy", "decoded", "dead", "repeated", "conflicting", "internal")
    assert m["nightlamp_pipeline_frames_total"] == sum(m[f"nightlamp_pipeline_frames_{k}_total"] for k in kinds)
    kept = sum(m[f"nightlamp_pipeline_observations_{k}_total"] for k in ("kept", "repeated", "dead"))
    assert m["nightlamp_pipeline_observations_total"] == kept
    assert m["nightlamp_store_frames_taken_total"] == m["nightlamp_store_frames_total"]
    written = m["nightlamp_receive_http_accepted_total"]
    written += sum(m[f"nightlamp_pipeline_frames_{kind}_total"] for kind in ("tick", "action", "policy"))
    replays = m["nightlamp_pipeline_replays_total"]
    mqtt = m["nightlamp_receive_mqtt_journalled_vitals_total"] + m["nightlamp_receive_mqtt_journalled_hl7v2_total"]
    kept = m["nightlamp_receive_mqtt_kept_too_large_total"]
    assert m["nightlamp_journal_frames_total"] == written + replays + mqtt + kept


def test_a_full_journal_refuses_with_507_and_keeps_what_it_has(new_server: Start) -> None:
    """P5: the journal's cap is reached; senders are told, nothing grows."""
    server = new_server(
        LIMITS__JOURNAL_BYTES_MAX=str(3 << 20), LIMITS__JOURNAL_SEGMENT_BYTES_MAX=str(1 << 20), SITE__TIMEZONE="UTC"
    )
    body = admission(f"P{unique()}", "U", "1") + "NTE|1||" + "x" * 400_000 + "\r"
    with server.client("ehr") as ehr, server.client("sre") as sre:
        answers = []
        # What is stored is let go: room would be made as fast as a slow disk takes it.
        with _postgresql_hangs(server):
            for _ in range(12):
                control_id = f"F{unique()}"
                changed = re.sub(r"A\d{6}", control_id, body, count=1)
                answers.append(ehr.post("/v1/hl7v2", content=changed, headers=HL7))
        assert answers[0].status_code == 200
        # It heals by itself within seconds.
        full = next(answer for answer in answers if answer.status_code != 200)
        assert (full.status_code, acknowledgement(full.text)["MSA"][0][1]) == (507, "AR")
        assert int(full.headers["retry-after"]) > 0
        until(
            lambda: (
                ehr.post("/v1/hl7v2", content=re.sub(r"A\d{6}", f"F{unique()}", body, count=1), headers=HL7).is_success
            )
        )
        until(lambda: sre.get("/readyz").status_code == 200)
    size = sum(path.stat().st_size for path in (server.data_dir / "journal").rglob("*") if path.is_file())
    assert size <= 4 << 20


def test_a_second_server_on_the_same_folder_is_refused(server: RunningServer) -> None:
    second = server.command("serve", "--quiet")
    assert second.returncode == 75
    assert "in use" in second.stderr


def test_a_console_token_opens_one_session(server: RunningServer) -> None:
    made = server.command("token", "--role", "nurse", "--url", server.url, "--key", server.keys["admin"])
    token = made.stdout.strip().partition("#token=")[2]
    with server.client(None) as browser:
        page = browser.get("/console/")
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["content-security-policy"]
        opened = browser.post("/v1/console/session", json={"token": token})
        assert opened.status_code == 204
        cookie = opened.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/v1/console/session").json()["role"] == "nurse"
        assert browser.get("/v1/patients").status_code == 200
        assert browser.get("/metrics").status_code == 403
        foreign = browser.get("/v1/patients", headers={"Origin": "http://127.0.0.1:1"})
        assert foreign.status_code == 401
        assert browser.delete("/v1/console/session").status_code == 204
        assert browser.get("/v1/patients").status_code == 401
    with server.client(None) as other:
        assert other.post("/v1/console/session", json={"token": token}).status_code == 401


def test_the_openapi_document_names_every_endpoint(server: RunningServer) -> None:
    with server.client("sre") as sre:
        document = sre.get("/openapi.json").json()
    assert {
        "/v1/hl7v2",
        "/v1/observations",
        "/v1/dead-letters",
        "/v1/patients",
        "/livez",
        "/readyz",
        "/metrics",
    } <= set(document["paths"])
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert document["paths"]["/v1/hl7v2"]["post"]["security"]


def test_migrations_are_listed_and_applied_by_the_command_line(new_server: Start, tmp_path: Path) -> None:
    server = new_server()
    busy = server.command("migrate", "status")
    assert busy.returncode == 1
    assert "in use" in busy.stderr
    server.stop()
    listed = server.command("migrate", "status")
    assert listed.returncode == 0, listed.stderr
    assert "applied" in listed.stdout
    assert "up to date" in server.command("migrate", "up").stderr
