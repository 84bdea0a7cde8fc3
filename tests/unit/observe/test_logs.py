"""P6: patient identity does not reach the log, whoever logs it."""

import io
import json
import logging

import pytest
import structlog

from nightlamp.observe import logs
from nightlamp.settings import Log


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    before = logging.getLogger().handlers[:], logging.getLogger().level
    logs.configure(Log())
    yield stream
    logging.getLogger().handlers[:] = before[0]
    logging.getLogger().setLevel(before[1])
    structlog.reset_defaults()


def _read(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_fields_that_could_only_hold_identity_are_refused(lines: io.StringIO) -> None:
    structlog.get_logger("t").info("stored", family="Nightingale", payload=b"MSH|", mrn="123", seq=7)
    (line,) = _read(lines)
    assert line["seq"] == 7
    assert line["family"] == line["payload"] == line["mrn"] == "[refused: identity]"
    assert "Nightingale" not in lines.getvalue()


def test_an_exception_is_logged_by_type_and_place_never_by_its_message(lines: io.StringIO) -> None:
    try:
        raise ValueError("Key (family)=(Nightingale) already exists")
    except ValueError as error:
        structlog.get_logger("t").error("cannot write", exc_info=error)
        logging.getLogger("asyncpg").exception("library")
        structlog.get_logger("t").exception("again")
    for line in _read(lines):
        assert line["exception"] == "ValueError"
        assert "test_logs.py" in str(line["at"])
    assert len(_read(lines)) == 3
    assert "Nightingale" not in lines.getvalue()


def test_libraries_log_in_the_same_form(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("port %d", 8600)
    (line,) = _read(lines)
    assert (line["event"], line["level"], line["logger"]) == ("port 8600", "warning", "uvicorn.error")
