"""All tables together, and what the Rust half is told of them."""

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from .doors import Http, Mqtt, MqttBroker
from .house import Console, Figures, Log, Models
from .neighbours import Database, Redis
from .notify import Notify
from .route import Journal, Lane, Limits, Replay, Supervision
from .site import Decode, Site, SiteCode

ENV_PREFIX = "NIGHTLAMP_"


class Settings(BaseSettings):
    """All settings. Without any, nightlamp runs on this machine alone with its embedded parts and ./data."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    file: ClassVar[Path | None] = None
    """The TOML file of the last load; pydantic-settings asks for sources on the class, not on the call."""

    data_dir: Path = Path("data")
    """Folder of the journal, keys, embedded servers and logs; made at the first start, readable by its owner only."""
    policy_file: Path | None = None
    """Alert policy (TOML); absent uses the one nightlamp carries."""
    decode: Decode = Decode()
    """How frames are read."""
    codes: list[SiteCode] = []
    """The site's own observation codes; they win over the catalogue."""
    http: Http = Http()
    """The HTTP and WebSocket door."""
    mqtt: Mqtt = Mqtt()
    """The MQTT doors."""
    database: Database = Database()
    """PostgreSQL."""
    redis: Redis = Redis()
    """Redis."""
    site: Site = Site()
    """This hospital."""
    limits: Limits = Limits()
    """Limits."""
    lane: Lane = Lane()
    """What waits for PostgreSQL."""
    journal: Journal = Journal()
    """The journal."""
    supervision: Supervision = Supervision()
    """Stages that panic or hang."""
    replay: Replay = Replay()
    """As it was."""
    models: Models = Models()
    """Model bundles."""
    log: Log = Log()
    """Logging."""
    console: Console = Console()
    """The ward console."""
    notify: Notify = Notify()
    """Notifications about alerts."""
    figures: Figures = Figures()
    """Figures of alerts by unit."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is read."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.limits.journal_bytes_max <= self.limits.journal_segment_bytes_max:
            raise ValueError("limits.journal_bytes_max must be larger than limits.journal_segment_bytes_max")
        if self.limits.journal_waiting_bytes_max < self.limits.frame_bytes_max + 4_096:
            raise ValueError("limits.journal_waiting_bytes_max must hold at least one frame of limits.frame_bytes_max")
        return self

    def decoder_config(self, site_key: bytes) -> str:
        """The JSON that `_core.Decoder` takes."""
        site = self.site
        config = {
            "site_key": site_key.hex(),
            "timezone": site.timezone,
            "authorities": site.patient_authorities,
            "processing_ids": site.processing_ids,
            "codes": [code.model_dump() for code in self.codes],
            "recorded_time": self.decode.recorded_time,
            "limits": self.limits.model_dump(),
        }
        return json.dumps(config)

    def engine_config(self, site_key: bytes, bundles: list[Path], policy: str) -> bytes:
        """The JSON that `_core.Engine` takes."""
        listen = self.mqtt.listen
        tls = listen.tls
        config = {
            "limits": self.limits.model_dump(),
            "site": self.site.model_dump(),
            "decode": self.decode.model_dump(),
            "codes": [code.model_dump() for code in self.codes],
            "journal": self.journal.model_dump(),
            "supervision": self.supervision.model_dump(),
            "site_key_hex": site_key.hex(),
            "bundles": [str(path) for path in bundles],
            "policy": policy,
            "mqtt": {
                "listen": {
                    "host": listen.host,
                    "port": listen.port,
                    "cert": str(tls.cert) if tls else None,
                    "key": str(tls.key) if tls else None,
                }
                if listen.enabled
                else None,
                "brokers": [_broker(broker) for broker in self.mqtt.brokers],
            },
        }
        return json.dumps(config).encode()


def _broker(broker: MqttBroker) -> dict[str, Any]:
    plain = broker.model_dump(mode="json", exclude={"password", "ca", "server_name"})
    tls = {"ca_path": str(broker.ca), "server_name": broker.server_name} if broker.ca else None
    return plain | {"password": broker.password.get_secret_value(), "tls": tls}
