"""One-time console tokens and the sessions they are exchanged for. In memory: a restart signs everybody out.

Limits: 1,000 tokens, 10,000 sessions; the oldest goes when a new one comes.
"""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from .roles import Principal

COOKIE = "nightlamp_session"
TOKENS_MAX = 1_000
SESSIONS_MAX = 10_000


class Sessions:
    """Tokens and sessions, kept by the hash of their secret."""

    def __init__(self, token_ttl_s: float, session_ttl_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._token_ttl_s, self.session_ttl_s, self._clock = token_ttl_s, session_ttl_s, clock
        self._tokens: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()
        self._sessions: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    def issue(self, principal: Principal) -> str:
        """A token good for one exchange within `token_ttl_s` seconds."""
        return _add(self._tokens, TOKENS_MAX, self._clock() + self._token_ttl_s, principal)

    def exchange(self, token: str) -> str | None:
        """A session id for a token that is valid; the token is spent whatever happens."""
        found = self._tokens.pop(_hash(token), None)
        if found is None or found[0] < self._clock():
            return None
        return _add(self._sessions, SESSIONS_MAX, self._clock() + self.session_ttl_s, found[1])

    def principal(self, session: str) -> Principal | None:
        """Who holds this session, or None when it is unknown or over."""
        key = _hash(session)
        found = self._sessions.get(key)
        if found is None:
            return None
        if found[0] < self._clock():
            del self._sessions[key]
            return None
        return found[1]

    def end(self, session: str) -> None:
        """Sign out."""
        self._sessions.pop(_hash(session), None)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="replace")).digest()


def _add(
    table: OrderedDict[bytes, tuple[float, Principal]], entries_max: int, until: float, principal: Principal
) -> str:
    secret = secrets.token_urlsafe(32)
    while len(table) >= entries_max:
        table.popitem(last=False)
    table[_hash(secret)] = (until, principal)
    return secret
