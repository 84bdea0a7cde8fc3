"""What the commands about policies share: the file's text, and the scores a server of these settings has."""

from pathlib import Path

from nightlamp._core import Scorers
from nightlamp.bundles import bundles
from nightlamp.policy.checking import TEXT_BYTES_MAX
from nightlamp.settings import ConfigurationError, Settings

from .terminal import fail


def read(file: Path) -> str:
    """The file's text; leaves with 2 where there is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(TEXT_BYTES_MAX + 1).decode()
    except OSError as error:
        fail(f"{file}: {error.strerror}", 2)
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8", 2)


def loaded(settings: Settings) -> Scorers:
    """Rules and bundles; leaves with 2 where a bundle is refused."""
    try:
        return Scorers(bundles(settings.models))
    except (ConfigurationError, ValueError) as error:
        fail(str(error), 2)
