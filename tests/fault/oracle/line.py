"""A line between the server and its PostgreSQL that can be cut, stalled or slowed: bytes pass through a Unix socket."""

import contextlib
import os
import selectors
import socket
import threading
import time
from pathlib import Path

CHUNK_BYTES = 16_384
NAME = ".s.PGSQL.5432"


class Line:
    """Listens at `folder/.s.PGSQL.5432` and passes on to the socket of the same name in `behind`."""

    def __init__(self, folder: Path, behind: Path) -> None:
        self.folder, self._behind = folder, behind / NAME
        self._listener = socket.socket(socket.AF_UNIX)
        (folder / NAME).unlink(missing_ok=True)
        self._listener.bind(str(folder / NAME))
        self._listener.listen(64)
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        #: Cut everything once so many more bytes have gone to the database; None: do not.
        self._cut_after: int | None = None
        #: Until then nothing passes.
        self._stalled_until = 0.0
        #: Until then each chunk waits `_pause_s`.
        self._slow_until, self._pause_s = 0.0, 0.0
        self._over = False
        threading.Thread(target=self._accept, name="line", daemon=True).start()

    @property
    def connections(self) -> int:
        """How many stand."""
        return len(self._pairs)

    def cut(self, after_bytes: int = 0) -> None:
        """Break all connections, now or in the midst of what is written next."""
        if after_bytes:
            self._cut_after = after_bytes
            return
        with self._lock:
            for pair in self._pairs:
                _end(pair)

    def stall(self, for_s: float) -> None:
        """Let nothing pass for a time, without a word."""
        self._stalled_until = time.monotonic() + for_s

    def slow(self, for_s: float, pause_s: float) -> None:
        """Delay every chunk for a time."""
        self._slow_until, self._pause_s = time.monotonic() + for_s, pause_s

    def stop(self) -> None:
        """No more connections."""
        self._over = True
        self.cut()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(str(self._behind))
            except OSError:
                _end((near, far))
                _close((near, far))
                continue
            with self._lock:
                self._pairs.append((near, far))
            threading.Thread(target=self._pass, args=(near, far), name="line", daemon=True).start()

    def _pass(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with selectors.DefaultSelector() as ready:
            for one in other:
                ready.register(one, selectors.EVENT_READ)
            try:
                while all(self._chunk(key.fileobj, other, near) for key, _ in ready.select()):  # type: ignore[arg-type]
                    pass
            except OSError:
                pass
        with self._lock:
            self._pairs.remove((near, far))
        _end((near, far))
        _close((near, far))

    def _chunk(self, one: socket.socket, other: dict[socket.socket, socket.socket], near: socket.socket) -> bool:
        """Pass one chunk on; False at the end of the connection."""
        chunk = one.recv(CHUNK_BYTES)
        if not chunk:
            return False
        while (wait_s := self._stalled_until - time.monotonic()) > 0:
            time.sleep(min(wait_s, 0.1))
        if time.monotonic() < self._slow_until:
            time.sleep(self._pause_s)
        if one is near and self._cut_after is not None:
            self._cut_after -= len(chunk)
            if self._cut_after <= 0:
                self._cut_after = None
                other[one].sendall(chunk[: len(chunk) // 2])
                self.cut()
                return False
        other[one].sendall(chunk)
        return True


def _end(pair: tuple[socket.socket, socket.socket]) -> None:
    for one in pair:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


def _close(pair: tuple[socket.socket, socket.socket]) -> None:
    for one in pair:
        one.close()


def own(folder: Path, uid: int, gid: int) -> Path:
    """A short-named folder that this account may use for sockets."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chown(folder, uid, gid)
    return folder
