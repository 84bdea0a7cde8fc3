"""A channel's address and the one attempt it makes: apprise is asked to send, and the end is told as a short class.

Nothing of an address leaves here: not in an exception, not in a log (the libraries' loggers are silenced), not in a
row. An error class is one of `ERRORS` or `http_` with the status. Everything here blocks: `Courier` calls it off the
event loop.
"""

import logging
import os
import re
import threading
import time
import warnings
from typing import Any, NamedTuple

from nightlamp.notify.words import Message
from nightlamp.settings import Channel, ConfigurationError

#: Why an attempt can fail, beside `http_<status>`: no connection or it broke; no answer in time; the receiver refused
#: the message or a recipient; apprise or its plugin raised an error; the attempts before still hang.
ERRORS = ("connection", "timeout", "refused", "internal", "busy")
URL_BYTES_MAX = 8_192
#: Severity to what services show as their own signs.
_TYPES = {"high": "FAILURE", "medium": "WARNING", "low": "INFO", "technical": "WARNING"}
_STATUS = re.compile(r"error=(\d{3})\b")
_said = threading.local()


class Outcome(NamedTuple):
    """How an attempt ended: `error` is empty where the service took the message."""

    error: str
    elapsed_s: float


class _Ear(logging.Handler):
    """Hears what apprise says in this thread and keeps a class of it, never the text: texts name hosts and people."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if status := _STATUS.search(text):
            _said.error = f"http_{status[1]}"
        elif "refused" in text:
            _said.error = "refused"
        elif "onnection error" in text:
            _said.error = "connection"


def _silence() -> None:
    """Apprise, requests and urllib3 log addresses, recipients and paths with tokens: they reach our ear alone."""
    for name in ("apprise", "urllib3", "requests", "oauthlib", "requests_oauthlib", "MARKDOWN"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [_Ear()] if name == "apprise" else [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.WARNING)


def _apprise() -> Any:
    """The library: a second of work and 30 MB, so only where a channel is named."""
    _silence()
    import apprise

    return apprise


def url_of(channel: Channel) -> str:
    """The apprise URL of a channel. Raises ConfigurationError, which never holds it."""
    where = f"notify.channels.{channel.name}"
    if channel.url_file is None:
        text = os.environ.get(channel.url_env, "")
        if not text.strip():
            raise ConfigurationError(f"{where}: the environment variable {channel.url_env} is not set")
    else:
        try:
            with channel.url_file.open("rb") as file:
                text = file.read(URL_BYTES_MAX + 1).decode()
        except OSError as error:
            raise ConfigurationError(f"{where}: {channel.url_file}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ConfigurationError(f"{where}: {channel.url_file} is no text") from None
    text = text.strip()
    if not text or len(text) > URL_BYTES_MAX or "\n" in text:
        raise ConfigurationError(
            f"{where}: what {channel.url_env or channel.url_file} holds is not one URL on one line"
        )
    return text


class Address:
    """One channel, ready to send. Raises ConfigurationError where apprise cannot use its URL."""

    def __init__(self, channel: Channel, attempt_s_max: float) -> None:
        url = url_of(channel)
        apprise = _apprise()
        asset = apprise.AppriseAsset(
            app_id="nightlamp",
            app_desc="nightlamp",
            app_url="",
            image_url_mask="",
            image_url_logo="",
            http_redirects=False,  # a redirected POST arrives as a GET without its message and is answered 200
            async_mode=False,
            storage_mode=apprise.PersistentStoreMode.MEMORY,
        )
        plugin: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # what its plugins import
                plugin = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=False)
        except Exception as error:
            raise ConfigurationError(_unusable(channel, type(error).__name__)) from None
        if plugin is None:
            raise ConfigurationError(_unusable(channel, "unknown service or wrong form"))
        for timeout, option in (("socket_connect_timeout", "cto="), ("socket_read_timeout", "rto=")):
            if option not in url:
                setattr(plugin, timeout, attempt_s_max)
        if plugin.request_rate_per_sec == apprise.NotifyBase.request_rate_per_sec:
            plugin.request_rate_per_sec = 0  # 5.5 s between two is apprise's guess where a service has stated no pace
        self._plugin, self._types = plugin, apprise.NotifyType
        self._text, self._attempt_s_max = apprise.NotifyFormat.TEXT, attempt_s_max
        #: What kind of service it is, for people: "E-Mail", "Slack".
        self.service = str(plugin.service_name)
        #: How long apprise itself may wait between two messages of this service, seconds.
        self.throttle_s = float(plugin.request_rate_per_sec)

    def send(self, message: Message) -> Outcome:
        """One attempt; blocks. Never raises."""
        _said.error = ""
        began = time.monotonic()
        try:
            sent = self._plugin.notify(
                title=message.title,
                body=message.text,
                notify_type=getattr(self._types, _TYPES.get(message.severity, "INFO")),
                body_format=self._text,
            )
        except Exception:  # a plugin's own mistake: its text may hold the address
            sent, _said.error = False, "internal"
        elapsed_s = time.monotonic() - began
        if sent:
            return Outcome("", elapsed_s)
        error = str(_said.error) or "refused"
        if error in {"connection", "refused"} and elapsed_s >= 0.95 * self._attempt_s_max:
            error = "timeout"
        return Outcome(error, elapsed_s)


def _unusable(channel: Channel, why: str) -> str:
    where = channel.url_env or channel.url_file
    return f"notify.channels.{channel.name}: apprise cannot use the URL that {where} holds ({why})"
