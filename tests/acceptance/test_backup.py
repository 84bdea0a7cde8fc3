"""Backup: of a server under load, wiped, restored, verified equal, started; and what must be refused on the way."""

import hashlib
import json
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import msgspec
import paho.mqtt.client as mqtt
import pytest
from messages import admission, unique, vitals
from running_server import RunningServer, refused_start, start_server
from waiting import until

from nightlamp.backup import check, tables
from nightlamp.backup.manifest import BackupError, named, read, write
from nightlamp.embedded.postgresql import EmbeddedPostgresql

HL7 = {"Content-Type": "application/hl7-v2"}
#: Tables whose rows belong to frames.
OF_FRAMES = ("alert_events", "dead_letters", "encounter_events", "observations", "scores")
Start = Callable[..., RunningServer]


class Load:
    """A ward that sends numbered values through both doors for as long as it lives; what was acknowledged, in order."""

    def __init__(self, server: RunningServer) -> None:
        self._server, self._stop = server, threading.Event()
        self.unit, self.patient = f"U{unique()}", f"P{unique()}"
        self.acknowledged: list[float] = []
        self._numbers = iter(range(1, 1_000_000))
        self._guard = threading.Lock()
        with server.client("ehr") as ehr:
            assert (
                ehr.post("/v1/hl7v2", content=admission(self.patient, self.unit, "1"), headers=HL7).status_code == 200
            )
        self._threads = [threading.Thread(target=self._http), threading.Thread(target=self._mqtt)]
        for thread in self._threads:
            thread.start()

    def _number(self) -> float:
        with self._guard:
            # The nearest to what the message says in four digits: the sum alone is off by a bit now and then.
            return round(60 + next(self._numbers) / 10_000, 4)

    def _http(self) -> None:
        with self._server.client("ehr") as ehr:
            while not self._stop.is_set():
                value = self._number()
                message = vitals(self.patient, {"8480-6": (f"{value:.4f}", "mm[Hg]")})
                try:
                    if ehr.post("/v1/hl7v2", content=message, headers=HL7).status_code == 200:
                        self.acknowledged.append(value)
                except httpx.HTTPError:
                    time.sleep(0.05)

    def _mqtt(self) -> None:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"load-{unique()}")
        client.username_pw_set(self._server.key_id("device"), self._server.keys["device"])
        client.connect("127.0.0.1", self._server.mqtt_port)
        client.loop_start()
        while not self._stop.is_set():
            value = self._number()
            body = {
                "id": unique(),
                "device": "m1",
                "time": int(time.time() * 1000),
                "observations": [{"code": "8480-6", "value": value, "unit": "mm[Hg]"}],
            }
            sent = client.publish(f"nightlamp/v1/{self.unit}/1/vitals", json.dumps(body), qos=1)
            sent.wait_for_publish(10)
            if sent.is_published():
                self.acknowledged.append(value)
        client.loop_stop()
        client.disconnect()

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def ok(run: subprocess.CompletedProcess[str]) -> str:
    """What a command that must work printed."""
    assert run.returncode == 0, run.stderr
    return run.stdout


def taken(server: RunningServer, root: Path, *more: str) -> Path:
    """Another backup: they are named by the second."""
    time.sleep(1 - time.time() % 1)
    return Path(ok(server.command("backup", str(root), *more)).strip())


def refused(run: subprocess.CompletedProcess[str], *words: str) -> None:
    """A command that must not work says why, in one line."""
    assert run.returncode == 1, run.stdout
    assert "Traceback" not in run.stderr
    assert all(word in run.stderr.replace("\n", " ") for word in words), run.stderr


async def rows_of(data: Path, through: int, running: bool = False) -> dict[str, tuple[int, str]]:
    """Rows and digest of each table of frames, up to a frame; the private PostgreSQL is started for it."""
    postgresql = None if running else await EmbeddedPostgresql.start(data)
    connection = await asyncpg.connect(postgresql.url if postgresql else EmbeddedPostgresql.url_of(data))
    try:
        shapes = {shape.name: shape for shape in (await tables.shapes(connection))[0]}
        return {
            name: await tables.digest_of(connection, shapes[name], list(shapes[name].columns), through)
            for name in OF_FRAMES
        }
    finally:
        await connection.close()
        if postgresql:
            await postgresql.stop()


def as_before(original: Path, copy: Path) -> None:
    """The owner of the original: as root the private PostgreSQL runs as a user of its own."""
    subprocess.run(["chown", "-R", f"--reference={original}", copy], check=True)


def stored_through(server: RunningServer, seq: int) -> None:
    """Waits until the rows of a frame are stored."""
    with server.client("sre") as sre:

        def cursor() -> float:
            found = re.search(r"^nightlamp_store_cursor_seq (\S+)$", sre.get("/metrics").text, re.MULTILINE)
            return float(found[1]) if found else 0

        until(lambda: cursor() >= seq, 60)


@pytest.mark.timeout(300)
async def test_p8_of_a_loaded_server_wiped_and_restored_nothing_is_missing_and_all_scores_are_the_same(
    new_server: Start, tmp_path: Path
) -> None:
    data, backups = tmp_path / "data", tmp_path / "backups"
    data.mkdir()
    # Retention and snapshots at every second, small segments: files come and go while they are copied.
    small = {"JOURNAL__SNAPSHOT_S": "1", "JOURNAL__RETENTION_S": "1", "LIMITS__JOURNAL_SEGMENT_BYTES_MAX": "65536"}
    server = new_server(data, **small)
    with Load(server) as load:
        until(lambda: min((data / "journal").glob("*.journal")).name > f"{1:020}.journal", 60)
        store = await asyncpg.connect(EmbeddedPostgresql.url_of(data))
        async with store.transaction():
            # Nothing is stored from here on: what is acknowledged now is in the journal alone.
            await store.execute("SELECT FROM store_cursor FOR UPDATE")
            count = len(load.acknowledged)
            until(lambda: len(load.acknowledged) > count + 50)
            before = list(load.acknowledged)
            backup = taken(server, backups)
        await store.close()
        newer = taken(server, backups)
        assert "equal: table observations" in ok(server.command("verify", str(newer), "--against"))
    assert server.stop() == 0
    manifest, later = read(backup), read(newer)
    assert manifest.journal.first_seq > 1, "the journal begins after its first frame: a snapshot covers that"
    assert manifest.store.cursor + 50 < manifest.journal.last_seq
    assert later.journal.last_seq > manifest.journal.last_seq
    assert all("not known" in warning for warning in [*manifest.warnings, *later.warnings]), later.warnings
    wanted = await rows_of(data, manifest.journal.last_seq)
    keys = (data / "test-keys.json").read_text()

    shutil.rmtree(data)
    ok(server.command("restore", str(backup)))
    equal = ok(server.command("verify", str(backup), "--against"))
    assert equal.count("equal: table") == len(manifest.store.tables)
    assert "not compared" not in equal
    (data / "test-keys.json").write_text(keys)

    server = new_server(data)
    stored_through(server, manifest.journal.last_seq)
    assert await rows_of(data, manifest.journal.last_seq, running=True) == wanted
    restored = await asyncpg.connect(EmbeddedPostgresql.url_of(data))
    found = await restored.fetch(
        "SELECT value, count(*) AS times FROM observations WHERE value = ANY($1::float8[]) GROUP BY value", before
    )
    patient = await restored.fetchval("SELECT patient_id FROM scores LIMIT 1")
    await restored.close()
    assert {row["value"]: row["times"] for row in found} == dict.fromkeys(before, 1)
    with server.client("nurse") as nurse:
        answer = nurse.get(f"/v1/patients/{patient}/as-of", params={"seq": manifest.journal.last_seq})
    assert answer.status_code == 200, answer.text
    assert "news2" in {one["model"] for one in answer.json()["scores"]}
    assert False not in {one["matches_stored"] for one in answer.json()["scores"]}
    # The backups of the restored server are its own: they share nothing with those of the lost journal.
    ok(server.command("backup", str(backups)))
    ok(server.command("verify", str(backups), "--against"))
    assert read(named(backups)[-1]).journal.id != manifest.journal.id


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """A server that has seen a patient and was stopped. Tests leave its data folder as it is."""
    data = tmp_path_factory.mktemp("stopped") / "data"
    data.mkdir()
    server = start_server(data, JOURNAL__SNAPSHOT_S="1")
    with Load(server) as load:
        until(lambda: len(load.acknowledged) > 20 and any((data / "snapshots").glob("*.snapshot")))
    assert server.stop() == 0
    return server


@pytest.fixture(scope="module")
def backup(stopped: RunningServer) -> Path:
    """A backup of it, to be looked at."""
    return taken(stopped, stopped.data_dir.parent / "backups")


def elsewhere(server: RunningServer, data: Path, **settings: str) -> RunningServer:
    """The same commands with another data folder."""
    changed = {f"NIGHTLAMP_{name}": value for name, value in settings.items()}
    environment = server.environment | {"NIGHTLAMP_DATA_DIR": str(data)} | changed
    return RunningServer(data, server.process, server.url, server.mqtt_port, server.keys, environment)


def said(folder: Path) -> str:
    """What is wrong with a backup; nothing where it is whole."""
    try:
        return "; ".join(check.verify(folder)[1])
    except BackupError as error:
        return str(error)


def test_p8_a_flipped_byte_anywhere_fails_verify_with_the_file_named(backup: Path) -> None:
    files = read(backup).files
    assert said(backup) == ""
    dice = random.Random(8)
    for path in [*(file.path for file in files), "manifest.json", "SHA256SUMS"]:
        whole = (backup / path).read_bytes()
        for at in {0, len(whole) - 1, *(dice.randrange(len(whole)) for _ in range(3))} if whole else ():
            damaged = bytearray(whole)
            damaged[at] ^= 1 << dice.randrange(8)
            (backup / path).write_bytes(damaged)
            assert path in said(backup), (path, at)
        for damaged in (whole[:-1], whole + b"x", None):
            (backup / path).unlink() if damaged is None else (backup / path).write_bytes(damaged)
            assert path in said(backup), path
        (backup / path).write_bytes(whole)
    (backup / "journal" / "stranger").touch()
    assert "journal/stranger" in said(backup)
    (backup / "journal" / "stranger").unlink()
    assert said(backup) == ""


def test_p8_a_backup_whose_checksums_were_made_to_fit_is_still_read_record_by_record(
    backup: Path, tmp_path: Path
) -> None:
    """Damage from before the checksums: what a copy of a damaged original would be."""
    for path, word in [("journal/", "cannot be read"), ("tables/observations.copy", "other rows")]:
        folder = tmp_path / word.replace(" ", "")
        shutil.copytree(backup, folder)
        manifest = read(folder)
        files = []
        for file in manifest.files:
            content = bytearray((folder / file.path).read_bytes())
            if file.path.startswith(path) and (path != "journal/" or file.path.endswith(".journal")):
                content[-3] ^= 1  # in the last record, or the last column of the last row
                (folder / file.path).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            files.append(msgspec.structs.replace(file, sha256=digest))
        write(folder, msgspec.structs.replace(manifest, files=files))
        assert word in said(folder)


def test_p8_restore_touches_nothing_that_is_there_and_a_half_restore_does_not_start(
    stopped: RunningServer, backup: Path, tmp_path: Path
) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "precious").write_text("keep me")
    refused(stopped.command("restore", str(backup), "--data-dir", str(full)), "is not empty", "--replace")
    assert [path.name for path in full.iterdir() if path.name != "lock"] == ["precious"]
    # Killed at some point between its first file and its end.
    half = tmp_path / "half"
    for delay_s in (0.0, 0.3):
        argv = [sys.executable, "-m", "nightlamp", "restore", str(backup), "--data-dir", str(half)]
        restoring = subprocess.Popen(argv, env=stopped.environment, stderr=subprocess.DEVNULL)
        until(lambda: (half / "restore.incomplete").exists(), 60)
        time.sleep(delay_s)
        restoring.send_signal(signal.SIGKILL)
        restoring.wait()
        end = refused_start(half)
        assert (end.returncode, "restoration was begun" in end.stderr) == (1, True), end.stderr
    ok(stopped.command("restore", str(backup), "--data-dir", str(half)))
    assert "not compared" not in ok(elsewhere(stopped, half).command("verify", str(backup), "--against"))
    # Into the other one too, but what was there is kept, and a key that lives elsewhere is asked for.
    bare = tmp_path / "bare"
    ok(stopped.command("backup", str(bare), "--without-secrets"))
    assert not (named(bare)[0] / "secrets").exists()
    restore = ["restore", str(bare), "--data-dir", str(full), "--replace"]
    refused(stopped.command(*restore), "--site-key", "without secrets")
    refused(stopped.command(*restore, "--site-key", str(backup / "manifest.json")), "another site key")
    done = stopped.command(*restore, "--site-key", str(stopped.data_dir / "site.key"))
    ok(done)
    assert "keys.json" in done.stderr
    assert (next(full.glob("before-restore-*")) / "precious").read_text() == "keep me"
    assert (full / "site.key").read_bytes() == (stopped.data_dir / "site.key").read_bytes()
    for path in [*half.rglob("*.journal"), half / "site.key", *bare.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_p8_a_full_disk_is_named_and_leaves_nothing_that_looks_like_a_backup(
    stopped: RunningServer, tmp_path: Path
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", small], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("SKIPPED: no file system can be mounted here")
    try:
        refused(stopped.command("backup", str(small)), "is full", "nothing of this backup was kept")
        assert [path.name for path in small.iterdir()] == [".lock"]
        # What a killed one leaves is no backup, and goes with the next.
        (small / ".20260101T000000Z.partial").mkdir()
        assert named(small) == []
        refused(stopped.command("verify", str(small)), "there is no backup")
        refused(stopped.command("backup", str(small)), "is full")
        assert [path.name for path in small.iterdir()] == [".lock"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_p8_unchanged_files_are_shared_until_the_earlier_copy_rots_and_old_ones_go(
    stopped: RunningServer, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    one = taken(stopped, root)
    snapshot = next((one / "snapshots").iterdir())
    two = taken(stopped, root)
    shared = two / "snapshots" / snapshot.name
    assert shared.stat().st_ino == snapshot.stat().st_ino
    whole = snapshot.read_bytes()
    snapshot.write_bytes(whole[:-1] + b"?")
    assert snapshot.name in said(one)
    three = taken(stopped, root, "--keep", "2")
    assert (three / "snapshots" / snapshot.name).read_bytes() == whole
    assert said(three) == ""
    assert named(root) == [two, three]


async def test_p8_a_lost_database_comes_from_the_journal_and_a_lost_journal_is_never_guessed(
    stopped: RunningServer, backup: Path, tmp_path: Path
) -> None:
    manifest = read(backup)
    data = tmp_path / "data"
    shutil.copytree(stopped.data_dir, data, ignore=shutil.ignore_patterns("postgresql", "run", "server.json"))
    wanted = await rows_of(stopped.data_dir, manifest.journal.last_seq)
    # Only the journal survived: an empty database, and every row again.
    server = start_server(data)
    try:
        stored_through(server, manifest.journal.last_seq)
        assert await rows_of(data, manifest.journal.last_seq, running=True) == wanted
    finally:
        assert server.stop() == 0
    # The same with the backup's rows, which is quicker, and the only way where the journal begins later.
    shutil.rmtree(data / "postgresql")
    ok(elsewhere(stopped, data).command("restore", str(backup), "--tables-only"))
    server = start_server(data)
    try:
        assert await rows_of(data, manifest.journal.last_seq, running=True) == wanted
    finally:
        assert server.stop() == 0
    # Only the database survived, and it is newer than the backup's journal: refused, it is read as it is.
    lost = tmp_path / "lost"
    ok(stopped.command("restore", str(backup), "--data-dir", str(lost)))
    shutil.rmtree(lost / "postgresql")
    shutil.copytree(data / "postgresql", lost / "postgresql")
    as_before(data / "postgresql", lost / "postgresql")
    end = refused_start(lost)
    assert (end.returncode, "rows of another journal" in end.stderr) == (1, True), end.stderr
    # An external database that holds other rows is not written over.
    refused(elsewhere(stopped, lost).command("restore", str(backup), "--tables-only"), "is not empty", "cursor")
