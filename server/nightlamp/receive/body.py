"""A request's body, bounded: at most `bytes_max` are ever held, and nobody may take for ever to send them (P5)."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from nightlamp.errors import Problem

#: A refused body of a known length up to this is read and thrown away, so that the sender sees the answer.
DISCARD_BYTES_MAX = 16 << 20


class TooLarge(Problem):
    """413. Where the rest of the body cannot be discarded cheaply, the connection closes."""

    def __init__(self, bytes_max: int, length: int | None) -> None:
        close = length is None or length > DISCARD_BYTES_MAX
        super().__init__(
            413, "too_large", f"The body is larger than {bytes_max} bytes.", {"Connection": "close"} if close else {}
        )


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
        raise TooLarge(bytes_max, length)
    chunks: list[bytes] = []
    held = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.stream():
                held += len(chunk)
                if held > bytes_max:
                    raise TooLarge(bytes_max, length)
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, "too_slow", "The body did not arrive in time.", {"Connection": "close"}) from None
    except ClientDisconnect:
        raise Problem(400, "malformed", "The sender left before the body was complete.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def refuse_encoding(request: Request) -> None:
    """Raise a 415 `Problem` for a compressed body: its size would not be known before it is unpacked."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise Problem(
            415, "unsupported_media", "Send the body without Content-Encoding.", {"Accept-Encoding": "identity"}
        )


def media_type(request: Request) -> tuple[str, str]:
    """(media type in lower case, charset parameter or an empty text)."""
    kind, *parameters = request.headers.get("content-type", "").split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.strip().lower(), value.strip().strip('"')
    return kind.strip().lower(), ""
