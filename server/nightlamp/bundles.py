"""Which model bundles and which alert policy the engine is started with."""

import re
from pathlib import Path

from nightlamp.settings import ConfigurationError, Models, Settings


def bundles(models: Models) -> list[Path]:
    """Folders of the bundles to load: those named, else the newest version of every name. Sorted by name."""
    if models.load is not None:
        chosen = [models.dir / name for name in models.load]
        for folder in chosen:
            if not (folder / "manifest.toml").is_file():
                raise ConfigurationError(f"models.load: {folder} has no manifest.toml")
        return chosen
    known = newest(models.dir)
    return [known[name] for name in sorted(known)]


def newest(models: Path) -> dict[str, Path]:
    """The folder of every bundle's newest version, by name."""
    found: dict[str, Path] = {}
    for manifest in sorted(models.glob("*/*/manifest.toml"), key=lambda path: _version(path.parent.name)):
        found[manifest.parent.parent.name] = manifest.parent
    return found


def all_versions(models: Models) -> list[Path]:
    """Every bundle in the folder, loaded or not: where a replay looks for the models of then."""
    return sorted(manifest.parent for manifest in models.dir.glob("*/*/manifest.toml"))


def _version(text: str) -> tuple[tuple[int, str], ...]:
    """Versions in order: numbers as numbers."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"[.\-+]", text))


def policy(settings: Settings) -> str:
    """The alert policy's text; empty where the engine's own one holds (core_rs/src/alert/default_policy.toml)."""
    path = settings.policy_file
    if path is None:
        return ""
    try:
        return path.read_text()
    except OSError as error:
        raise ConfigurationError(f"policy_file: {path}: {error.strerror}") from None
