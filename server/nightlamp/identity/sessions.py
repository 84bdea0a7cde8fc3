"""One-time console tokens and the sessions they are exchanged for. Sessions outlive a restart of the server.

At rest a session is the SHA-256 of its cookie with the id, role and units it stands for, in `<data>/sessions.json`
(0600, replaced atomically, read once at the start): nobody can sign in with what the file holds. Tokens wait in memory
only, a few minutes; a restart forgets them. A session ends with its time, by signing out, with the key it came from,
and where nobody has used it for `idle_s` and `IDLE_GRACE_S`: a page tells of input at most once a minute, and the file
learns of it at most once a minute. A page that only listens or asks by itself is no use.

Limits: 1,000 tokens, 10,000 sessions; the oldest goes when a new one comes.
"""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from .keys import replace_file
from .roles import Principal, Role

_log = structlog.get_logger("nightlamp.sessions")
_Entry = TypeVar("_Entry")
COOKIE = "nightlamp_session"
TOKENS_MAX = 1_000
SESSIONS_MAX = 10_000
#: The page locks itself at `idle_s`; what it tells may be a minute old, and what the file holds another.
IDLE_GRACE_S = 180.0
KEPT_EVERY_S = 60.0


class _Session(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str
    until_s: float
    key_id: str
    role: Role
    units: list[str] | None
    #: Its last use; None in the file of an earlier version, which counts from the start.
    seen_s: float | None = None


@dataclass(slots=True)
class _Open:
    until_s: float
    who: Principal
    seen_s: float


class _File(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    sessions: list[_Session]


class Sessions:
    """Tokens and sessions, kept by the hash of their secret.

    `path`: where sessions outlive the process; `idle_s`: how long one lives without use, seconds, 0 without a limit.
    """

    def __init__(
        self,
        token_ttl_s: float,
        session_ttl_s: float,
        clock: Callable[[], float] = time.time,
        path: Path | None = None,
        idle_s: float = 0,
    ) -> None:
        self._idle_s_max = idle_s + IDLE_GRACE_S if idle_s else float("inf")
        self._kept_s = 0.0
        self._token_ttl_s, self.session_ttl_s, self._clock, self._path = token_ttl_s, session_ttl_s, clock, path
        self._tokens: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._sessions: OrderedDict[bytes, _Open] = OrderedDict()
        self._writing = threading.Lock()
        self._read()

    def issue(self, principal: Principal) -> str:
        """A token good for one exchange within `token_ttl_s` seconds."""
        return _add(self._tokens, TOKENS_MAX, (self._clock() + self._token_ttl_s, principal))

    def exchange(self, token: str) -> str | None:
        """A session id for a token that is valid; the token is spent whatever happens."""
        found = self._tokens.pop(_hash(token), None)
        if found is None or found[0] < self._clock():
            return None
        return self.open(found[1])

    def open(self, principal: Principal) -> str:
        """A session id for somebody who has shown who he or she is."""
        now = self._clock()
        return _add(self._sessions, SESSIONS_MAX, _Open(now + self.session_ttl_s, principal, now))

    def principal(self, session: str) -> Principal | None:
        """Who holds this session, or None when it is unknown or over. To ask is no use of it."""
        key = _hash(session)
        found = self._sessions.get(key)
        if found is None:
            return None
        if self._is_over(found, self._clock()):
            self._sessions.pop(key, None)
            return None
        return found.who

    def touch(self, session: str) -> bool:
        """A person uses it; nothing where it is unknown or over. True where `keep` is due."""
        now = self._clock()
        found = self._sessions.get(_hash(session))
        if found is None or self._is_over(found, now):
            return False
        found.seen_s = now
        return not 0 <= now - self._kept_s < KEPT_EVERY_S

    def _is_over(self, found: _Open, now: float) -> bool:
        return found.until_s < now or now - found.seen_s > self._idle_s_max

    def end(self, session: str) -> None:
        """Sign out."""
        self._sessions.pop(_hash(session), None)

    def keep(self) -> None:
        """Write the sessions down as they are now. Blocks for a sync of the disk; from any thread."""
        if self._path is None:
            return
        with self._writing:
            now = self._kept_s = self._clock()
            kept = [_row(key, one) for key, one in list(self._sessions.items()) if not self._is_over(one, now)]
            try:
                replace_file(self._path, msgspec.json.encode(_File(1, kept)))
            except OSError as error:
                # A full disk must not keep a nurse out: this session only ends with the process.
                _log.warning("sessions could not be written: they end with this process", exc_info=error)

    def _read(self) -> None:
        """What was kept; a file that is damaged signs everybody out and is told."""
        if self._path is None:
            return
        try:
            kept = msgspec.json.decode(self._path.read_bytes(), type=_File).sessions[-SESSIONS_MAX:]
            hashes = [bytes.fromhex(one.sha256) for one in kept]
        except FileNotFoundError:
            return
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            _log.warning("sessions.json cannot be read: everybody signs in again", exc_info=error)
            return
        now = self._clock()
        for key, one in zip(hashes, kept, strict=True):
            # Nothing in the file gives a session a longer life than one opened now would have.
            if now <= one.until_s <= now + self.session_ttl_s:
                units = None if one.units is None else frozenset(one.units)
                who = Principal(one.key_id, one.role, frozenset(), units)
                self._sessions[key] = _Open(one.until_s, who, now if one.seen_s is None else min(one.seen_s, now))


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _row(key: bytes, one: _Open) -> _Session:
    who = one.who
    units = None if who.units is None else sorted(who.units)
    return _Session(key.hex(), one.until_s, who.id, who.role, units, one.seen_s)


def _add(table: OrderedDict[bytes, _Entry], entries_max: int, entry: _Entry) -> str:
    secret = secrets.token_urlsafe(32)
    while len(table) >= entries_max:
        table.popitem(last=False)
    table[_hash(secret)] = entry
    return secret
