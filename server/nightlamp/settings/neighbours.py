"""The servers beside nightlamp: PostgreSQL and Redis."""

from pydantic import Field, SecretStr, field_validator

from .section import Section


class Database(Section):
    """Where store writes."""

    url: SecretStr = SecretStr("")
    """`postgresql://` of PostgreSQL 16 or later, perhaps with TimescaleDB; empty starts a private one in data_dir."""
    keep_days: int = Field(400, ge=0, le=36_500)
    """Observations and scores older than this are dropped, by whole days; 0 keeps everything."""
    alerts_keep_days: int = Field(0, ge=0, le=36_500)
    """Alerts cleared longer ago than this are dropped with their steps, and what became of messages; 0 keeps all."""


class Redis(Section):
    """Where publish announces scores and alerts."""

    url: SecretStr = SecretStr("")
    """redis://..., rediss://... or unix://...; empty starts a private one in the data folder."""

    @field_validator("url")
    @classmethod
    def _is_one_of_redis(cls, url: SecretStr) -> SecretStr:
        if url.get_secret_value() and not url.get_secret_value().startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("begins with redis://, rediss:// or unix://")
        return url
