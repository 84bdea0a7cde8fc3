"""nightlamp's own journal: what a server received, through the route that served it once more. Nothing is written; a
server may run beside.

`path` is a folder with `outcomes.csv` or `.parquet` (patient, time; may have end, authority) and perhaps `data.toml`.
The data folder and how messages are decoded are those of the settings. The journal keeps a week unless
`journal.retention_s` says otherwise: for a longer past there are the tables.
"""

from pathlib import Path

import numpy as np

from nightlamp._core import StoredRows
from nightlamp.score.recording import DataError, Recording
from nightlamp.score.site import Site
from nightlamp.score.stored import Stored, recording
from nightlamp.settings import ConfigurationError, load

NAME = "what nightlamp recorded"


def read(path: Path, patients: int | None = None) -> Recording:
    """The recorded data; `patients` takes only the first so many. Raises DataError."""
    site = Site.read(path)
    try:
        settings = load()
    except ConfigurationError as error:
        raise DataError(f"the settings cannot be used: {error}") from error
    data = Path(site.data_dir) if site.data_dir else settings.data_dir
    try:
        key = (data / "site.key").read_bytes()
        rows = StoredRows(str(data.resolve()), settings.engine_config(key, [], ""))
    except OSError as error:
        raise DataError(f"{data} is no data folder of a server: site.key: {error.strerror}") from error
    except (RuntimeError, ValueError) as error:
        raise DataError(f"{data}: {error}") from error
    stored = Stored()
    while (tables := rows.next_batch()) is not None:
        for name, stream in tables:
            stored.add(name, stream)
    whole = recording(stored, not rows.recorded_time, site.table("outcomes"), site.name or NAME)
    return whole if patients is None else whole.take(np.arange(min(patients, whole.patients)))
