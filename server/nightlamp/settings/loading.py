"""Reading the settings: which file, which environment, and what is wrong with them in words."""

import os
import tomllib
from pathlib import Path

from pydantic import ValidationError

from .root import ENV_PREFIX, Settings
from .section import ConfigurationError

#: Environment variables of the command line that are no settings: where the file is, and the key a command speaks with.
ENV_RESERVED = frozenset({"NIGHTLAMP_CONFIG", "NIGHTLAMP_KEY", "NIGHTLAMP_URL", "NIGHTLAMP_SHARED"})


def load(config: Path | None = None) -> Settings:
    """Settings from `config`, else `$NIGHTLAMP_CONFIG`, else ./nightlamp.toml where it exists, then the environment.

    Raises `ConfigurationError` with one line per wrong key.
    """
    named = config or (Path(os.environ["NIGHTLAMP_CONFIG"]) if os.environ.get("NIGHTLAMP_CONFIG") else None)
    if named is not None and not named.is_file():
        raise ConfigurationError(f"{named}: no such file")
    _refuse_unknown_environment()
    default = Path("nightlamp.toml")
    Settings.file = named or (default if default.is_file() else None)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError("\n".join(_explain(error))) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{Settings.file}: {error}") from None
    except Exception as error:  # pydantic-settings wraps JSON errors of environment variables in its own type
        raise ConfigurationError(str(error)) from None


def file_in_use() -> Path | None:
    """The TOML file of the last `load`."""
    return Settings.file


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
