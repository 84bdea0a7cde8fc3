"""Filesystems of a test's own, made by root: small ones, and one on a disk that turns out smaller than it said."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SMALL_BYTES = 64 << 20


def _do(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise OSError(f"{command[0]}: {done.stderr.strip()}")


def _mount(at: Path, *how: str | Path) -> None:
    """Mount or skip: not every place where tests run allows it."""
    at.mkdir(mode=0o700, exist_ok=True)
    try:
        _do("mount", *how, at)
    except OSError as error:
        pytest.skip(f"no filesystem can be mounted here: {error}")


@contextmanager
def small(kind: str, at: Path, beside: Path) -> Iterator[None]:
    """A filesystem of 64 MiB at `at`: `tmpfs`, or `ext4` in an image under `beside`."""
    if kind == "tmpfs":
        _mount(at, "-t", "tmpfs", "-o", f"size={SMALL_BYTES},mode=0700", "none")
    else:
        _mount(at, "-o", "loop", _image(beside / "image", SMALL_BYTES))
    try:
        yield
    finally:
        _do("umount", "-l", at)


def _image(path: Path, size: int, *options: str) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    _do("mkfs.ext4", "-q", "-F", *options, path)
    return path


class ThinDisk:
    """An ext4 of 256 MiB whose disk has room for 40 MiB: later writes are taken, and `fsync` fails for want of blocks.

    The kernel's own error, not one that a test made up. `replace` gives the disk what it lacks and mounts it anew, so
    that what is read next is what had really reached it.
    """

    def __init__(self, at: Path, beside: Path) -> None:
        self._at, self._under = at, beside / "under"
        _mount(self._under, "-t", "tmpfs", "-o", f"size={40 << 20}", "none")
        self._image = _image(self._under / "image", 256 << 20, "-O", "^has_journal", "-b", "4096")
        _mount(at, "-o", "loop", self._image)
        self._one_page_at_a_time()

    def replace(self) -> None:
        """Enough room, and nothing left in memory of what never reached the disk."""
        _do("umount", self._at)
        _do("mount", "-o", f"remount,size={400 << 20}", self._under)
        subprocess.run(["e2fsck", "-f", "-y", str(self._image)], capture_output=True, timeout=60, check=False)
        _mount(self._at, "-o", "loop", self._image)

    def _one_page_at_a_time(self) -> None:
        """The loop device calls a write that was cut short a success (Linux 6.18): a page cannot be cut short."""
        device = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", str(self._at)], capture_output=True, text=True, check=True
        )
        queue = Path("/sys/block") / Path(device.stdout.strip()).name / "queue/max_sectors_kb"
        try:
            queue.write_text("4")
        except OSError as error:
            self.close()
            pytest.skip(f"the loop device cannot be set up: {error}")

    def close(self) -> None:
        """Take it away."""
        for one in (self._at, self._under):
            _do("umount", "-l", one)


def fill(path: Path) -> int:
    """Write a file until the disk takes no more; its size."""
    with path.open("wb", buffering=0) as file:
        for step in (1 << 20, 4_096, 64):
            try:
                while True:
                    file.write(os.urandom(step))
            except OSError:
                continue
        return file.tell()
