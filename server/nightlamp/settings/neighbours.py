"""The servers beside nightlamp: PostgreSQL and Redis."""

from pydantic import Field, SecretStr

from .section import Section


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
