"""Every setting, in one place: a TOML file, then the environment (`NIGHTLAMP_HTTP__PORT=8080`), unknown keys refused.

The docstring under a field is its documentation: `nightlamp config --describe` prints it. Secrets are `SecretStr` and
stay masked wherever settings are shown. Units come last in the names.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

ENV_PREFIX = "NIGHTLAMP_"
#: Environment variables of the command line that are no settings: where the file is, and the key a command speaks with.
ENV_RESERVED = frozenset({"NIGHTLAMP_CONFIG", "NIGHTLAMP_KEY", "NIGHTLAMP_URL", "NIGHTLAMP_SHARED"})
_HERE = Path(__file__).resolve().parent
Port = Field(ge=0, le=65_535)


class ConfigurationError(Exception):
    """Settings that cannot be used; the text names the key and what was expected."""


class Section(BaseModel):
    """A table of the file: immutable, unknown keys refused, field docstrings kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ServerTls(Section):
    """PEM files of a listener."""

    cert: Path
    """Certificate chain, leaf first."""
    key: Path
    """Private key."""


class Http(Section):
    """The HTTP and WebSocket door."""

    host: str = "127.0.0.1"
    """Address to listen on; 127.0.0.1 keeps it on this machine."""
    port: int = Field(8600, ge=0, le=65_535)
    """Port to listen on; 0 lets the system choose."""
    tls: ServerTls | None = None
    """HTTPS with these files; plain HTTP without. Set it, or put a proxy in front, on any address but 127.0.0.1."""
    body_timeout_s: float = Field(30.0, gt=0)
    """How long a sender may take to deliver one request's body."""
    receipt_timeout_s: float = Field(10.0, gt=0)
    """How long a request waits for the journal before it is answered 503.

    The sender may send again, copies are recognised.
    """
    receipts_max: int = Field(8_192, ge=1)
    """Requests waiting for the journal at once; more are refused with 503."""
    concurrency_max: int = Field(10_000, ge=1)
    """Connections at once, WebSockets included; more are told 503 and closed, those that stand go on."""
    head_bytes_max: int = Field(64 << 10, ge=1_024)
    """Largest head of a request, bytes; more is refused with 431."""
    head_timeout_s: float = Field(10.0, gt=0)
    """How long a sender may take to deliver a request's head."""
    write_timeout_s: float = Field(30.0, gt=0)
    """How long a client may leave an answer unread before its connection is dropped."""


class MqttListen(Section):
    """nightlamp's own MQTT listener (3.1.1 and 5)."""

    enabled: bool = True
    """Whether to listen."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = Field(1883, ge=0, le=65_535)
    """Port to listen on; 0 lets the system choose."""
    tls: ServerTls | None = None
    """TLS with these files; plain TCP without."""


class MqttBroker(Section):
    """A broker the hospital already has, to subscribe to with manual acknowledgement."""

    host: str
    """The broker's host name."""
    port: int = Field(1883, ge=1, le=65_535)
    """The broker's port."""
    version: Literal["3.1.1", "5"] = "5"
    """Protocol version to speak."""
    client_id: str = "nightlamp"
    """Session name at the broker; keep it over restarts, or messages held for it are lost."""
    username: str = ""
    """User name; none where empty."""
    password: SecretStr = SecretStr("")
    """Password."""
    ca: Path | None = None
    """TLS: PEM file with the authorities that may have signed the broker's certificate; plain TCP without."""
    server_name: str | None = None
    """TLS: the name the certificate must carry; the host where absent."""
    filters: list[str] = ["nightlamp/v1/+/+/vitals", "nightlamp/v1/+/+/hl7v2"]
    """Topic filters, QoS 1."""
    principal: str = "mqtt-broker"
    """The sender's id written on what this broker delivers."""


class Mqtt(Section):
    """The MQTT doors."""

    listen: MqttListen = MqttListen()
    """Our own listener."""
    brokers: list[MqttBroker] = []
    """Brokers to subscribe to."""


class Database(Section):
    """Where store writes."""

    url: SecretStr = SecretStr("")
    """`postgresql://` of PostgreSQL 16 or later, perhaps with TimescaleDB; empty starts a private one in data_dir."""
    keep_days: int = Field(400, ge=0, le=36_500)
    """Observations and scores older than this are dropped, by whole days; 0 keeps everything."""


class Redis(Section):
    """Where publish announces scores and alerts."""

    url: SecretStr = SecretStr("")
    """redis://... or rediss://...; empty starts a private one in the data folder."""


class Site(Section):
    """What is particular to this hospital."""

    timezone: str = "UTC"
    """IANA zone of HL7 times that carry no offset."""
    patient_authorities: list[str] = []
    """Assigning authorities (PID-3.4) whose identifier names the patient, best first.

    Empty takes the first identifier.
    """
    processing_ids: list[Literal["P", "T", "D", ""]] = ["P"]
    """MSH-11 processing ids accepted here: production, training, debugging; "" also accepts a missing one."""


class SiteCode(Section):
    """One observation code of this site. An entry with a principal wins over one without."""

    code: str
    """OBX-3.1 (or 3.4), or the code in device JSON."""
    system: str | None = None
    """OBX-3.3 (or 3.6), or the system in device JSON; absent: any."""
    principal: str | None = None
    """Id of the key the entry holds for; absent: all."""
    signal: str
    """The catalogue's name of the signal."""
    unit: str | None = None
    """Unit of every value with this code, whatever the message says; absent: the message must say."""


class Decode(Section):
    """How frames are read."""

    recorded_time: bool = False
    """Replay a recording: a frame's time for scores and alerts is what its message says, not its receipt.

    That is MSH-7, else EVN, else the newest observation time; of device JSON the newest observation time. Never for a
    ward: nothing then notices that time passes without data. A journal keeps the mode it was begun in, and stored rows
    are kept whatever their age.
    """


class Limits(Section):
    """Limits of the Rust half (promise P5).

    The same names and defaults as core_rs/src/limits.rs; a test compares them.
    """

    frame_bytes_max: int = Field(1 << 20, ge=1_024, le=32 << 20)
    """Largest payload of one frame, bytes."""
    hl7_segments_max: int = Field(10_000, ge=1)
    """Most segments in one HL7 message."""
    hl7_batch_messages_max: int = Field(1_000, ge=1)
    """Most messages in one FHS/BHS batch."""
    frame_observations_max: int = Field(10_000, ge=1)
    """Most observations in one frame."""
    future_s_max: int = Field(300, ge=0)
    """How far ahead of receipt an observation time may lie, seconds."""
    past_s_max: int = Field(366 * 86_400, ge=0)
    """How far behind receipt an observation time may lie, seconds."""
    patients_max: int = Field(20_000, ge=1)
    """Most patients with a rolling state."""
    signal_observations_max: int = Field(100_000, ge=1)
    """Most raw observations held per patient and signal."""
    message_ids_max: int = Field(1_000_000, ge=1)
    """Message ids remembered for redelivery."""
    journal_bytes_max: int = Field(16 << 30, ge=1 << 20)
    """Journal bytes on disk before new frames are refused with 507."""
    journal_segment_bytes_max: int = Field(64 << 20, ge=64 << 10)
    """One journal segment, bytes."""
    journal_waiting_bytes_max: int = Field(32 << 20, ge=64 << 10)
    """Bytes waiting for the disk before senders are held back."""
    mqtt_connections_max: int = Field(4_096, ge=1)
    """MQTT connections at once."""
    mqtt_inflight_max: int = Field(1_024, ge=1, le=65_535)
    """Unacknowledged QoS 1 publishes per MQTT connection."""
    batches_waiting_max: int = Field(8, ge=1)
    """Finished batches waiting for Python."""
    batch_frames_max: int = Field(8_192, ge=1)
    """Frames in one batch."""


class Lane(Section):
    """What waits for PostgreSQL while it is slow or away (promise P3)."""

    memory_bytes_max: int = Field(32 << 20, ge=1 << 20)
    """Rows kept in memory, bytes; what comes after goes to a spool file in the data folder."""
    spool_bytes_max: int = Field(8 << 30, ge=1 << 20)
    """Spool file, bytes; when it is full the pipeline pauses and the journal keeps acknowledging up to its own cap."""


class Journal(Section):
    """When the journal calls fdatasync, and how long it keeps what is stored."""

    commit_us_max: int = Field(0, ge=0, le=1_000_000)
    """How long a group may wait for company, microseconds; 0 commits as soon as the disk is free."""
    commit_frames_max: int = Field(1_024, ge=1)
    """A group of this many frames is written at once."""
    commit_bytes_max: int = Field(1 << 20, ge=1)
    """A group of this many bytes is written at once."""
    retention_s: int = Field(7 * 86_400, ge=0)
    """How long stored frames are kept, seconds; less where the size cap is near."""
    snapshot_s: int = Field(300, ge=0)
    """How often the state behind the journal is written to disk, seconds, so that a restart replays little; 0 never."""
    snapshot_frames: int = Field(75_000, ge=1)
    """A snapshot is also written after this many frames: about what a restart replays at most."""
    snapshots_kept: int = Field(48, ge=0, le=10_000)
    """Older snapshots kept beside the newest, evenly spread over the journal: showing the past then takes seconds."""
    snapshots_bytes_max: int = Field(2 << 30, ge=0)
    """What older snapshots may take on disk, bytes."""
    quarantine: bool = False
    """Read around damaged records instead of refusing to start; what was lost is counted."""


class Supervision(Section):
    """When a stage counts as hung, and how many frames may stop one."""

    hang_s_max: int = Field(20, ge=1, le=3_600)
    """How long a stage may work on one frame, seconds; then the frame is put aside and the server ends with 70."""
    poison_per_hour_max: int = Field(10, ge=0, le=10_000)
    """Frames that may be put aside within an hour before the pipeline stops: then the build is suspect."""


class Replay(Section):
    """Showing a patient as it was, from the journal, beside the running route."""

    concurrency_max: int = Field(1, ge=1, le=8)
    """Replays at once; more are refused with 503. Each holds one state of the ward in memory."""
    time_s_max: float = Field(30.0, gt=0, le=600)
    """Longest one may take."""


class Models(Section):
    """Which model bundles score."""

    dir: Path = _HERE / "models"
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file_of_this_load)

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


#: The file of the load that is under way; pydantic-settings asks for sources on the class, not on the call.
_file_of_this_load: Path | None = None


def load(config: Path | None = None) -> Settings:
    """Settings from `config`, else `$NIGHTLAMP_CONFIG`, else ./nightlamp.toml where it exists, then the environment.

    Raises `ConfigurationError` with one line per wrong key.
    """
    global _file_of_this_load
    named = config or (Path(os.environ["NIGHTLAMP_CONFIG"]) if os.environ.get("NIGHTLAMP_CONFIG") else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(f"{named}: no such file")
    _refuse_unknown_environment()
    default = Path("nightlamp.toml")
    _file_of_this_load = named or (default if default.is_file() else None)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(error))) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{_file_of_this_load}: {error}") from None
    except Exception as error:  # pydantic-settings wraps JSON errors of environment variables in its own type
        raise ConfigurationError(str(error)) from None


def file_in_use() -> Path | None:
    """The TOML file of the last `load`."""
    return _file_of_this_load


def _refuse_unknown_environment() -> None:
    known = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields}
    unknown = sorted(
        name
        for name in os.environ
        if name.startswith(ENV_PREFIX) and name not in ENV_RESERVED and name.split("__")[0] not in known
    )
    if unknown:
        raise ConfigurationError("\n".join(f"{name}: unknown setting in the environment" for name in unknown))


def _explain(error: ValidationError) -> list[str]:
    lines = []
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        path = ".".join(str(part) for part in one["loc"]) or "settings"
        text = "unknown setting" if one["type"] == "extra_forbidden" else one["msg"].removeprefix("Value error, ")
        lines.append(f"{path}: {text}")
    return lines
