"""Logs: one JSON object a line on standard error, ours and the libraries' alike.

Patient identity never gets in (P6): a field whose name says identity or raw content is refused and replaced, and an
exception is logged as its type and places, without its message, since messages of libraries quote values.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from nightlamp.settings import Log

#: Field names that could only hold identity or raw content.
REFUSED_FIELDS = frozenset(
    {
        *("name", "family", "given", "patient_name", "identifier", "mrn", "ssn", "birth_day", "birth_date", "dob"),
        *("address", "phone", "visit", "account"),
        *("payload", "raw", "body", "content", "segment", "message_text"),
    }
)
PLACES_MAX = 8
Event = MutableMapping[str, Any]


def refuse_identity(_: Any, __: str, event: Event) -> Event:
    """Replace fields that could only hold identity; the log says so, the value is gone."""
    for field in REFUSED_FIELDS.intersection(event):
        event[field] = "[refused: identity]"
    return event


def explain_exception(_: Any, __: str, event: Event) -> Event:
    """`exc_info` becomes the exception's type and the innermost places, never its message."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)[-PLACES_MAX:]
        event["exception"] = type(error).__qualname__
        event["at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def configure(settings: Log) -> None:
    """Send structlog's and logging's records through the same processors to standard error."""
    level = getattr(logging, settings.level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        refuse_identity,
        explain_exception,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if settings.format == "json" else structlog.dev.ConsoleRenderer()
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, last], use_get_message=True)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("asyncio", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(level, logging.WARNING))
    for own in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(own).handlers[:] = []
        logging.getLogger(own).propagate = True
