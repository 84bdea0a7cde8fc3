"""Adapters: one file a source of recorded data; each gives a `Recording`.

A recipe names its adapter in `[data] adapter`. Every adapter has `read(path, patients, **settings)`, which raises
`DataError` where the data is not where or not what it should be.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from nightlamp.score.recording import Recording


def names() -> list[str]:
    """The adapters there are."""
    return sorted(module.name for module in iter_modules(__path__))


def read(adapter: str, path: Path, patients: int | None = None, **settings: Any) -> Recording:
    """The recorded data at `path`; `patients` takes only so many. Raises DataError, ValueError for no such adapter."""
    if adapter not in names():
        raise ValueError(f"there is no adapter {adapter}; there is {', '.join(names())}")
    recording = import_module(f"{__name__}.{adapter}").read(path, patients, **settings)
    if not isinstance(recording, Recording):
        raise TypeError(f"the adapter {adapter} gave no recording")
    return recording
