"""A real nightlamp server in a process of its own: embedded parts, free ports, a fresh data folder, keys."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from nightlamp.identity.keys import KeyFile
from nightlamp.identity.roles import Role

START_S_MAX, STOP_S_MAX = 90.0, 30.0
#: One key for each of these is made before the server starts; `device` and `ehr` may use every door.
ROLES = ("device", "ehr", "nurse", "charge_nurse", "data_scientist", "sre", "admin")


def labelled_metrics(client: httpx.Client) -> dict[str, float]:
    """/metrics by name, labels included where there are any. Raises httpx.HTTPError."""
    text = client.get("/metrics").raise_for_status().text
    lines = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


@dataclass
class RunningServer:
    """Where the server listens and how to speak with it."""

    data_dir: Path
    process: subprocess.Popen[bytes]
    url: str
    mqtt_port: int
    #: Role to key text; the id is `key_id(role)`.
    keys: dict[str, str]
    environment: dict[str, str] = field(repr=False)

    def client(self, role: str | None = "admin", *, key: str | None = None) -> httpx.Client:
        """An HTTP client with the key of a role, with this key, or with none."""
        text = key or (self.keys[role] if role else None)
        headers = {"Authorization": f"Bearer {text}"} if text else {}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def key_id(self, role: str) -> str:
        """The id of a role's key: its MQTT user name (the password is the whole key)."""
        return self.keys[role].split("_")[1]

    @property
    def log(self) -> str:
        """All the server has written to its log."""
        return (self.data_dir / "server.log").read_text()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `nightlamp <arguments>` with this server's settings."""
        return subprocess.run(
            [sys.executable, "-m", "nightlamp", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def metrics(self) -> dict[str, float]:
        """/metrics: sums over labels, by name. Raises httpx.HTTPError."""
        found: dict[str, float] = {}
        with self.client("sre") as sre:
            said = labelled_metrics(sre)
        for label, value in said.items():
            name = label.partition("{")[0]
            found[name] = found.get(name, 0) + value
        return found

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(STOP_S_MAX)


def start_server(data_dir: Path, **settings: str) -> RunningServer:
    """Start a server on `data_dir` (again, if one ran there); `settings` as in the environment, without NIGHTLAMP_.

    Raises AssertionError with the end of the log when it is not ready in time.
    """
    environment = _environment(data_dir, settings)
    keys = _keys(data_dir)
    where = data_dir / "server.json"
    where.unlink(missing_ok=True)
    process = launch(data_dir, environment)
    until = time.monotonic() + START_S_MAX
    while not where.exists():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise AssertionError((data_dir / "server.log").read_text()[-4_000:])
        time.sleep(0.05)
    said = json.loads(where.read_text())
    return RunningServer(data_dir, process, said["http_url"], said["mqtt_port"], keys, environment)


def launch(data_dir: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """The bare process of a server, perhaps not ready yet; it logs to `server.log`."""
    with (data_dir / "server.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "nightlamp", "serve", "--quiet"],
            env=environment,
            cwd=data_dir,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def refused_start(data_dir: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a server that should refuse to start; its end."""
    return subprocess.run(
        [sys.executable, "-m", "nightlamp", "serve", "--quiet"],
        env=_environment(data_dir, settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _environment(data_dir: Path, settings: dict[str, str]) -> dict[str, str]:
    """Free ports, this data folder, these settings, and none of whoever runs the tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTLAMP_")}
    return environment | {
        "NIGHTLAMP_DATA_DIR": str(data_dir),
        "NIGHTLAMP_HTTP__PORT": "0",
        "NIGHTLAMP_MQTT__LISTEN__PORT": "0",
        **{f"NIGHTLAMP_{name}": value for name, value in settings.items()},
    }


def _keys(data_dir: Path) -> dict[str, str]:
    """The keys of this data folder, made at its first start."""
    kept = data_dir / "test-keys.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    file = KeyFile(data_dir / "keys.json")
    keys = {role: file.create(Role(role))[1] for role in ROLES}
    kept.write_text(json.dumps(keys))
    return keys
