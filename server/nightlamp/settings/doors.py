"""The doors: HTTP and MQTT."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr

from .section import Section


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
    filters: list[str] = Field(["nightlamp/v1/+/+/vitals", "nightlamp/v1/+/+/hl7v2"])
    """Topic filters, QoS 1."""
    principal: str = "mqtt-broker"
    """The sender's id written on what this broker delivers."""


class Mqtt(Section):
    """The MQTT doors."""

    listen: MqttListen = MqttListen()
    """Our own listener."""
    brokers: list[MqttBroker] = Field([])
    """Brokers to subscribe to."""
