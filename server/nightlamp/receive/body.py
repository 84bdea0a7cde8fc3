"""A request's body, bounded: at most `bytes_max` are ever held, and nobody may take for ever to send them (P5)."""

import asyncio
from collections.abc import AsyncIterator
from functools import lru_cache

from starlette.requests import ClientDisconnect, Request

from nightlamp.errors import Problem

#: What is read and thrown away of a refused body, so that the sender sees the answer and not a reset line.
DISCARD_BYTES_MAX, DISCARD_S_MAX = 16 << 20, 5.0
#: Longest Content-Type that is remembered as it was read, one of 64.
TYPE_CHARS_KEPT = 100


class TooLarge(Problem):
    """413. `close`: the rest of the body is not waited for."""

    def __init__(self, bytes_max: int, *, close: bool) -> None:
        headers = {"Connection": "close"} if close else {}
        super().__init__(413, "too_large", f"The body is larger than {bytes_max} bytes.", headers)


def declared_length(request: Request) -> int | None:
    """Content-Length, or None for a chunked body. Raises a 400 `Problem` for nonsense."""
    text = request.headers.get("content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise Problem(400, "malformed", "Content-Length is not a number.")
    return int(text)


async def read(request: Request, bytes_max: int, timeout_s: float) -> bytes:
    """The body. Raises a `Problem`: 413 as soon as it is known to be too large, 408 when it comes too slowly."""
    length = declared_length(request)
    if length is not None and length > bytes_max:
        # uvicorn throws the rest away as it comes, without holding it.
        raise TooLarge(bytes_max, close=length > DISCARD_BYTES_MAX)
    chunks: list[bytes] = []
    held = 0
    stream = request.stream()
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in stream:
                held += len(chunk)
                if held > bytes_max:
                    chunks.clear()
                    raise TooLarge(bytes_max, close=not await _discard(stream))
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, "too_slow", "The body did not arrive in time.", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "malformed", "The sender left before the body was complete.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _discard(stream: AsyncIterator[bytes]) -> bool:
    """Read on without keeping anything, within limits; True if the body came to its end."""
    dropped = 0
    try:
        async with asyncio.timeout(DISCARD_S_MAX):
            async for chunk in stream:
                dropped += len(chunk)
                if dropped > DISCARD_BYTES_MAX:
                    return False
    except (TimeoutError, ClientDisconnect):
        return False
    return True


def refuse_encoding(request: Request) -> None:
    """Raise a 415 `Problem` for a compressed body: its size would not be known before it is unpacked."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise Problem(
            415, "unsupported_media", "Send the body without Content-Encoding.", {"Accept-Encoding": "identity"}
        )


def media_type(text: str) -> tuple[str, str]:
    """(media type in lower case, charset parameter or an empty text) of a Content-Type."""
    return _known_type(text) if len(text) <= TYPE_CHARS_KEPT else _type(text)


def _type(text: str) -> tuple[str, str]:
    kind, *parameters = text.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip('"')
    return kind.strip().lower(), ""


_known_type = lru_cache(maxsize=64)(_type)
