"""The file system of a data folder, and the journal's older segments, which a full disk makes the server let go of."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from functools import cache
from pathlib import Path

DISK_BYTES = 700 << 20
LOOK_S = 0.2


@cache
def can_mount() -> bool:
    """Whether a small disk is possible here: not for everybody, and in many containers not for root either."""
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory(prefix="nightlamp-mount-") as folder:
        argv = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        try:
            mounted = subprocess.run(argv, check=False, capture_output=True).returncode == 0
        except OSError:
            return False
        if mounted:
            subprocess.run(["umount", "-l", folder], check=False)
    return mounted


class Disk:
    """The file system of a data folder: a small one in memory, or whatever is there."""

    def __init__(self, folder: Path, *, mounted: bool) -> None:
        self.mounted, self._folder, self._ballast = mounted, folder, folder / "ballast"
        if mounted:
            argv = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0711", "tmpfs", str(folder)]
            subprocess.run(argv, check=True)

    def fill(self) -> int:
        """Not a byte is left; how many it took."""
        if not self.mounted:
            raise ValueError("not this disk")
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as out:
            while True:
                out.write(bytes(1 << 20))
        with contextlib.suppress(OSError), self._ballast.open("ab", buffering=0) as out:
            while out.write(bytes(512)):
                pass
        return self._ballast.stat().st_size

    def empty(self) -> None:
        """There is room again."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Give the memory back; what a person may want to see stays beside it."""
        if self.mounted:
            self.mounted = False
            kept = self._folder.with_name(f"{self._folder.name}-kept")
            shutil.copytree(self._folder, kept, ignore=shutil.ignore_patterns("postgresql", "run", "ballast"))
            subprocess.run(["umount", "-l", str(self._folder)], check=False)


class Archive:
    """Copies of finished segments: a server on a full disk lets stored frames go early, and the judge needs all."""

    def __init__(self, journal: Path, folder: Path) -> None:
        self._journal, self.folder = journal, folder
        folder.mkdir()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="archive", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(LOOK_S):
            for path in sorted(self._journal.glob("*.journal"))[:-1]:
                self._copy(path)

    def _copy(self, path: Path) -> None:
        copy = self.folder / path.name
        with contextlib.suppress(OSError):  # it may go at any time
            if not copy.exists() or copy.stat().st_size != path.stat().st_size:
                partial = copy.with_suffix(".partial")
                shutil.copy(path, partial)
                partial.replace(copy)

    def stop(self) -> None:
        """No more copies."""
        self._over.set()
        self._thread.join()

    def complete(self, into: Path) -> None:
        """The whole journal of a server that has ended, in a new folder."""
        self.stop()
        shutil.copytree(self._journal, into)
        for path in self.folder.glob("*.journal"):
            if not (into / path.name).exists():
                shutil.copy(path, into / path.name)
