"""`data.toml`, beside the recorded data: what the files do not say.

| key | of | says |
|---|---|---|
| name | all | which data, for the manifest |
| timezone | all | IANA zone of times without an offset; without it such times are refused |
| codes | long_format | `[[codes]]` as in the settings: the site's own codes |
| data_dir | nightlamp_journal, nightlamp_tables | the server's data folder, if not that of the settings |
| database | nightlamp_tables | `postgresql://...`, if not that of the settings; a password belongs into PGPASSWORD |
| known | nightlamp_tables | `observed` for a server that replayed an old recording; else `received` |
"""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from nightlamp._core import Decoder
from nightlamp.score import table
from nightlamp.score.recording import DataError
from nightlamp.score.table import Table


@dataclass(frozen=True)
class Site:
    """The file, read."""

    folder: Path
    name: str = ""
    timezone: str | None = None
    codes: tuple[dict[str, Any], ...] = ()
    data_dir: str | None = None
    database: str | None = None
    known: Literal["received", "observed"] = "received"

    @staticmethod
    def read(folder: Path) -> "Site":
        """Of a folder; raises DataError."""
        file = folder / "data.toml"
        if not file.is_file():
            return Site(folder)
        try:
            said = tomllib.loads(file.read_text())
            site = Site(folder, **{**said, "codes": tuple(said.get("codes", ()))})
        except (tomllib.TOMLDecodeError, UnicodeError, TypeError) as error:
            known = "name, timezone, [[codes]], data_dir, database and known"
            raise DataError(f"data.toml: {error}; expected are {known}") from error
        if site.known not in ("received", "observed"):
            raise DataError("data.toml, known: expected received or observed")
        return site

    def decoder(self) -> Decoder:
        """A decoder with the site's code map; raises DataError."""
        try:
            return Decoder(json.dumps({"codes": self.codes}))
        except ValueError as error:
            raise DataError(f"data.toml: {error}") from error

    def table(self, name: str) -> Table | None:
        """The file of this name beside it; raises DataError."""
        file = table.find(self.folder, name)
        return None if file is None else table.read(file, self.timezone)
