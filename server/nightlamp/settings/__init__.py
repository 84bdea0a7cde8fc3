"""Every setting, in one place: a TOML file, then the environment (`NIGHTLAMP_HTTP__PORT=8080`), unknown keys refused.

The docstring under a field is its documentation: `nightlamp config --describe` prints it. Secrets are `SecretStr` and
stay masked wherever settings are shown. Units come last in the names.

One file a subject: doors, site, route (limits, journal), neighbours (databases), house (models, log, console),
notify.
"""

from .doors import Http, Mqtt, MqttBroker, MqttListen, ServerTls
from .house import Console, Figures, Log, Models
from .loading import file_in_use, load
from .neighbours import Database, Redis
from .notify import Channel, Notify, Route, Template
from .root import Settings
from .route import Journal, Lane, Limits, Replay, Supervision
from .section import ConfigurationError, Section
from .site import Decode, Site, SiteCode

__all__ = [
    "Channel",
    "ConfigurationError",
    "Console",
    "Database",
    "Decode",
    "Figures",
    "Http",
    "Journal",
    "Lane",
    "Limits",
    "Log",
    "Models",
    "Mqtt",
    "MqttBroker",
    "MqttListen",
    "Notify",
    "Redis",
    "Replay",
    "Route",
    "Section",
    "ServerTls",
    "Settings",
    "Site",
    "SiteCode",
    "Supervision",
    "Template",
    "file_in_use",
    "load",
]
