"""What every table of the settings is."""

from pydantic import BaseModel, ConfigDict


class ConfigurationError(Exception):
    """Settings that cannot be used; the text names the key and what was expected."""


class Section(BaseModel):
    """A table of the file: immutable, unknown keys refused, field docstrings kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
