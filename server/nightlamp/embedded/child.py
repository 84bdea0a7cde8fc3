"""A server process that lives and dies with nightlamp.

It runs in its own session (Ctrl-C reaches nightlamp alone), gets a signal when nightlamp dies (`setpriv --pdeathsig`,
Linux), and gives up root: as root it runs as the system user `nightlamp`, made on first need, since PostgreSQL
refuses root. Its sockets stand in the data folder, or, where that path is too long for a socket (107 bytes), in a
private folder in /tmp.
"""

import asyncio
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM_USER = "nightlamp"
SOCKET_PATH_BYTES_MAX = 107
#: The longest name a server adds to its socket folder.
SOCKET_NAME = "/.s.PGSQL.5432.lock"


class EmbeddedError(Exception):
    """An embedded server could not be started; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """As whom embedded servers run: ourselves, or the system user when we are root."""

    uid: int
    gid: int
    drop: bool

    @classmethod
    def find(cls) -> "Account":
        """Ourselves, or as root the system user (created where absent)."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), drop=False)
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            entry = _create_user()
        return cls(entry.pw_uid, entry.pw_gid, drop=True)

    def own(self, folder: Path) -> Path:
        """Make `folder` (0700) and give it to this account."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        if self.drop:
            os.chown(folder, self.uid, self.gid)
        return folder

    def command(self, argv: list[str], death_signal: str | None = None) -> list[str]:
        """`argv` as this account, signalled when the parent dies."""
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            if self.drop:
                raise EmbeddedError("setpriv (package util-linux) is needed to run the embedded servers as root")
            return argv
        options: list[str] = []
        if self.drop:
            # The data folder and the wheel may lie below a folder only root may enter (/root): one capability, to
            # pass there.
            options = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups"]
            options += ["--inh-caps", "-all,+dac_override", "--ambient-caps", "-all,+dac_override"]
        if death_signal is not None:
            options += ["--pdeathsig", death_signal]
        return [setpriv, *options, "--", *argv] if options else argv


def _create_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 (fixed words)
    except (OSError, subprocess.CalledProcessError) as error:
        text = (
            "as root, the embedded PostgreSQL needs a system user: run nightlamp as another user, or create the user "
        )
        raise EmbeddedError(f"{text}'{SYSTEM_USER}', or set database.url") from error
    return pwd.getpwnam(SYSTEM_USER)


def wheel_folder(package: str) -> Path:
    """Where an installed wheel keeps its programs; the package itself is not imported (it would act on import)."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError(f"the package {package} is not installed; set database.url and redis.url")
    return Path(spec.submodule_search_locations[0])


def socket_folder(data: Path, account: Account) -> Path:
    """Where sockets of the servers of this data folder stand."""
    folder = data / "run"
    if len(os.fsencode(folder)) + len(SOCKET_NAME) > SOCKET_PATH_BYTES_MAX:
        name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"nightlamp-{os.getuid()}-{name}"
        if folder.is_symlink() or (folder.exists() and folder.stat().st_uid not in {account.uid, os.getuid()}):
            raise EmbeddedError(f"{folder} belongs to somebody else; remove it")
    return account.own(folder)


class Child:
    """One running server process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, stop_signal: signal.Signals) -> None:
        self.name, self._process, self._stop_signal = name, process, stop_signal

    @classmethod
    async def start(
        cls,
        name: str,
        argv: list[str],
        account: Account,
        stop_signal: signal.Signals,
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> "Child":
        """Start `argv`; output goes to `log`.

        Call on the main thread: the death signal follows the thread that forked.
        """
        command = account.command(argv, stop_signal.name.removeprefix("SIG"))
        with log.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC", **(environment or {})},
            )
        return cls(name, process, stop_signal)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    async def stop(self, within_s: float) -> None:
        """Ask it to stop; kill it after `within_s` seconds."""
        if not self.running:
            return
        self._process.send_signal(self._stop_signal)
        try:
            await asyncio.wait_for(self._process.wait(), within_s)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def leftover(pid_file: Path, argument: str) -> int | None:
    """The process id in `pid_file`, if that process still runs with `argument` on its command line."""
    try:
        pid = int(pid_file.read_text().split()[0])
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError, IndexError):
        return None
    return pid if argument in arguments else None


async def end_leftover(pid_file: Path, argument: str, signals: list[signal.Signals], each_s: float) -> None:
    """After a kill -9 of nightlamp: wait for its server to go, with ever more urgent signals."""
    for wanted in signals:
        pid = leftover(pid_file, argument)
        if pid is None:
            return
        os.kill(pid, wanted)
        until = time.monotonic() + each_s
        while time.monotonic() < until:
            if leftover(pid_file, argument) is None:
                return
            await asyncio.sleep(0.05)
    if leftover(pid_file, argument) is not None:
        raise EmbeddedError(f"a server of an earlier run will not stop: process {leftover(pid_file, argument)}")
