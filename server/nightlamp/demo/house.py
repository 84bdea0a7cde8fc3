"""The demo's processes: a server with embedded parts and the simulated ward, on one folder, with keys for everybody.

Both are child processes that die with this one. The server keeps its ports over `kill_server` and `start_server`, so
that monitors, console and links find it again.
"""

import asyncio
import os
import subprocess
from pathlib import Path

from nightlamp import own_server
from nightlamp.identity.keys import KeyFile
from nightlamp.identity.roles import Role

from .pace import Pace

#: Whose keys the demo makes.
ROLES = ("ehr", "device", "nurse", "charge_nurse", "admin")


class House:
    """A server and a ward."""

    def __init__(self, folder: Path, ward: str, beds: int, speed: float, pace: Pace) -> None:
        self.folder, self.beds, self.speed, self.pace = folder, beds, speed, pace
        self._ward_program = ward
        keys = KeyFile(folder / "keys.json")
        made = {role: keys.create(Role(role), note=f"demo: {role}") for role in ROLES}
        self.keys = {role: text for role, (_, text) in made.items()}
        self._device_id = made["device"][0].id
        self._settings: dict[str, str] = {}
        self.server: subprocess.Popen[bytes] | None = None
        self.ward: subprocess.Popen[bytes] | None = None
        self.url = self.mqtt = ""
        #: The bed whose monitor the ward unplugs: the first one, which never deteriorates.
        self.silent_bed = 1

    def start_server(self, port: int, settings: dict[str, str]) -> None:
        """Start it and wait until it listens. Raises own_server.ServerFailed."""
        self._settings = settings
        self.server, said = own_server.start(self.folder, HTTP__PORT=str(port), **settings)
        self.url, self.mqtt = said["http_url"], str(said["mqtt_port"])

    def kill_server(self) -> None:
        """kill -9, as a power cut would; what waits for its end is its database, which the next start takes over."""
        assert self.server is not None
        self.server.kill()
        self.server.wait()
        self.server = None

    async def start_server_again(self) -> None:
        """Start it on the same folder and ports. Raises own_server.ServerFailed."""
        port = self.url.rpartition(":")[2]
        again = {"HTTP__PORT": port, "MQTT__LISTEN__PORT": self.mqtt}
        self.server = started = own_server.launch(self.folder, **again, **self._settings)
        while own_server.said(self.folder, started) is None:  # noqa: ASYNC110 (it is told by a file)
            await asyncio.sleep(0.05)

    def start_ward(self, deteriorating: float, hurry: float) -> None:
        """Start the ward; it logs to `ward.log`."""
        what = ["--beds", self.beds, "--speed", self.speed, "--deteriorating", deteriorating, "--hurry", hurry]
        what += ["--silent-bed", self.silent_bed, "--silent-after-s", self.pace.silence_from_s]
        what += ["--silent-for-s", self.pace.silence_for_s, "--http", self.url, "--mqtt", f"127.0.0.1:{self.mqtt}"]
        environment = os.environ | {
            "NIGHTLAMP_EHR_KEY": self.keys["ehr"],
            "NIGHTLAMP_MQTT_USER": self._device_id,
            "NIGHTLAMP_MQTT_PASSWORD": self.keys["device"],
        }
        with (self.folder / "ward.log").open("wb") as log:
            argv = [self._ward_program, "ward", *map(str, what)]
            self.ward = own_server.child(argv, environment, log.fileno())

    def ended(self) -> str:
        """Which of the two ended by itself; empty while both run."""
        names = {"the server": self.server, "the simulated ward": self.ward}
        return next((name for name, child in names.items() if child is not None and child.poll() is not None), "")

    def stop(self) -> None:
        """The ward first, then the server, which drains."""
        own_server.end([child for child in (self.server, self.ward) if child is not None])
