"""The house around the route: models, log, console."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from .section import Section


class Models(Section):
    """Which model bundles score."""

    dir: Path = Path(__file__).resolve().parents[1] / "models"
    """Folder of bundles: <name>/<version>/."""
    load: list[str] | None = None
    """`name/version` of each bundle to load; absent loads the newest version of every name."""


class Log(Section):
    """Logging to standard error. Patient identity never reaches it (promise P6)."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level written."""
    format: Literal["json", "console"] = "json"
    """One JSON object a line, or a line for people."""


class Console(Section):
    """The ward console."""

    enabled: bool = True
    """Whether the console's pages are served."""
    token_ttl_s: int = Field(600, ge=10)
    """How long a one-time token may wait for its use, seconds."""
    session_ttl_s: int = Field(12 * 3_600, ge=60)
    """How long a console session lasts, seconds."""
    idle_lock_s: int = Field(900, ge=0, le=86_400)
    """After how long without a hand on it a console asks for the token again, seconds; 0 (a screen on a wall) never.
    The server ends the session itself three minutes later."""
    cookie_secure: Literal["auto", "always", "never"] = "auto"
    """Whether the session's cookie may travel over TLS only. auto: where the server's own door has TLS, or
    notify.console_url begins with https (a proxy in front ends TLS)."""


class Figures(Section):
    """Figures of alerts by unit."""

    outcome_units: list[str] = Field([])
    """Units a patient is moved to when he or she gets worse, such as intensive care: a move there is an outcome."""
    outcome_h: int = Field(24, ge=1, le=168)
    """How soon after an alert a move must come to be its outcome, hours."""
