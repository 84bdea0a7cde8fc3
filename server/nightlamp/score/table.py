"""A file of columns, CSV or Parquet, read strictly: a refusal names file, line, column, and what was expected.

No value of the file is repeated in a refusal, since it may name somebody (P6). CSV is UTF-8 with a header line; an
empty field is missing. In CSV lines are counted with the header as line 1 (a quoted line break shifts what follows),
in Parquet rows from 1.

Times stand in one of three columns, by suffix: `time` as ISO 8601 (date and time to the minute or finer, with `Z` or an
offset; without one the zone that `data.toml` names), `time_hours` as hours and `time_us` as microseconds from any one
origin, the same in all files. What the clocks skipped or showed twice has no one meaning without an offset: refused.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp.score.recording import HOUR_US, DataError

#: Where there is no time.
NO_TIME = np.iinfo(np.int64).min
#: Columns of one time.
SUFFIXES = ("", "_hours", "_us")
_ISO = r"^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,6})?)?\s?(?:(Z|z)|([+-])(\d{2}):?(\d{2}))?$"
_MINUTE_US = 60_000_000
_EXPECTED = {
    "": "a time as 2024-03-31T12:30:00+02:00",
    "_hours": "hours as a number",
    "_us": "whole microseconds",
}


@dataclass(frozen=True)
class Table:
    """One file."""

    path: Path
    frame: pl.DataFrame
    zone: str | None
    """Of times without an offset."""

    def check(self, required: list[str], known: list[str], times: list[str]) -> None:
        """Refuses a file that lacks a column, has one nobody reads, or says one time twice."""
        here = set(self.frame.columns)
        for name in required:
            if name not in here:
                raise self.refusal(None, name, "the column is missing")
        everything = {*known, *required, *(time + suffix for time in times for suffix in SUFFIXES)}
        for name in self.frame.columns:
            if name not in everything:
                raise self.refusal(None, name, f"no such column is read; those are {', '.join(sorted(everything))}")
        for time in times:
            said = [time + suffix for suffix in SUFFIXES if time + suffix in here]
            if len(said) > 1:
                raise self.refusal(None, said[1], f"the same time stands in {said[0]}")

    def refusal(self, row: int | None, column: str, expected: str) -> DataError:
        """What is wrong where; `row` counts from 0."""
        if row is None:
            return DataError(f"{self.path.name}, column {column}: {expected}")
        where = f"line {row + 2}" if self.path.suffix == ".csv" else f"row {row + 1}"
        return DataError(f"{self.path.name}, {where}, column {column}: {expected}")

    def refuse(self, wrong: NDArray[np.bool_], column: str, expected: str) -> None:
        """Refuses the first row that is wrong, if any."""
        if wrong.any():
            raise self.refusal(int(np.argmax(wrong)), column, expected)

    def has(self, column: str) -> bool:
        """Whether there is such a column."""
        return column in self.frame.columns

    def text(self, column: str, required: bool = False) -> pl.Series:
        """Trimmed text; "" where missing or no such column. Raises DataError for a missing one that is required."""
        if column not in self.frame.columns:
            return pl.Series(column, [""], dtype=pl.String).new_from_index(0, self.frame.height)
        texts = self.frame[column].cast(pl.String).fill_null("").str.strip_chars()
        if required and (empty := (texts == "").arg_true()).len():
            raise self.refusal(int(empty[0]), column, "a value is missing")
        return texts

    def numbers(self, column: str, low: float, high: float, expected: str) -> NDArray[np.float64]:
        """Numbers within a range; NaN where missing. Raises DataError for anything else."""
        texts = self.text(column)
        values = texts.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy().copy()
        self.refuse((texts != "").to_numpy() & ~((values >= low) & (values <= high)), column, expected)
        return values

    def times(self, name: str) -> NDArray[np.int64]:
        """Microseconds of the time `name`, in whichever column it stands; NO_TIME where missing."""
        suffix = next((suffix for suffix in SUFFIXES if self.has(name + suffix)), None)
        if suffix is None:
            return np.full(self.frame.height, NO_TIME, dtype=np.int64)
        column = name + suffix
        typed = self.frame[column]
        if suffix == "" and isinstance(typed.dtype, pl.Datetime):
            return self._typed(column, typed)
        texts = self.text(column)
        if suffix == "":
            at = self._iso(column, texts)
        elif suffix == "_us":
            at = texts.cast(pl.Int64, strict=False)
        else:
            at = _microseconds(texts.cast(pl.Float64, strict=False))
        self.refuse((texts != "").to_numpy() & at.is_null().to_numpy(), column, f"expected {_EXPECTED[suffix]}")
        return at.fill_null(NO_TIME).to_numpy().astype(np.int64)

    def _typed(self, column: str, times: pl.Series) -> NDArray[np.int64]:
        """A Parquet timestamp: an instant where the type has a zone, a local time where not."""
        kind = times.dtype
        assert isinstance(kind, pl.Datetime)
        if kind.time_zone is None:
            local = times.cast(pl.Datetime("us"))
            at = self._local(column, local, times.is_not_null())
        else:
            at = times.cast(pl.Datetime("us", kind.time_zone)).cast(pl.Int64)
        return at.fill_null(NO_TIME).to_numpy().astype(np.int64)

    def _iso(self, column: str, texts: pl.Series) -> pl.Series:
        """Microseconds since 1970 UTC; null where it is no such time."""
        parts = pl.DataFrame({"t": texts}).select(
            day=pl.col("t").str.extract(_ISO, 1),
            minute=pl.col("t").str.extract(_ISO, 2),
            second=pl.col("t").str.extract(_ISO, 3).fill_null(":00"),
            utc=pl.col("t").str.extract(_ISO, 4).is_not_null(),
            sign=pl.col("t").str.extract(_ISO, 5),
            hours=pl.col("t").str.extract(_ISO, 6).cast(pl.Int64, strict=False),
            minutes=pl.col("t").str.extract(_ISO, 7).cast(pl.Int64, strict=False),
        )
        written = parts.select(pl.concat_str("day", pl.lit("T"), "minute", "second")).to_series()
        local = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
        offset_us = parts.select(
            pl.when(pl.col("utc"))
            .then(0)
            .otherwise(
                pl.when(pl.col("sign") == "-").then(-1).otherwise(1)
                * pl.when((pl.col("hours") <= 14) & (pl.col("minutes") < 60)).then(
                    pl.col("hours") * 60 + pl.col("minutes")
                )
                * _MINUTE_US
            )
        ).to_series()
        said = parts["utc"] | parts["sign"].is_not_null()
        unsaid = local.is_not_null() & ~said
        at = local.cast(pl.Int64) - offset_us
        if unsaid.any():
            at = at.zip_with(~unsaid, self._local(column, local, unsaid))
        return at

    def _local(self, column: str, local: pl.Series, of: pl.Series) -> pl.Series:
        """Instants of local times in the zone of `data.toml`; raises for one, of those asked, not there once."""
        if not of.any():
            return pl.Series([None], dtype=pl.Int64).new_from_index(0, len(local))
        row = int(of.arg_true()[0])
        if self.zone is None:
            raise self.refusal(row, column, "the time has no offset, and data.toml names no timezone")
        at = local.dt.replace_time_zone(self.zone, ambiguous="null", non_existent="null").cast(pl.Int64)
        odd = (of & local.is_not_null() & at.is_null()).arg_true()
        if odd.len():
            why = f"in {self.zone} the clocks skipped this time or showed it twice: write its offset"
            raise self.refusal(int(odd[0]), column, why)
        return at


def _microseconds(hours: pl.Series) -> pl.Series:
    """Hours as microseconds, null beyond ten million (a thousand years)."""
    within = hours.is_not_null() & hours.is_finite() & (hours.abs() <= 1e7)
    at = np.rint(hours.fill_null(0.0).to_numpy() * HOUR_US, where=within.to_numpy(), out=np.zeros(len(hours)))
    return pl.Series(at.astype(np.int64)).zip_with(
        within, pl.Series([None], dtype=pl.Int64).new_from_index(0, len(hours))
    )


def find(folder: Path, name: str) -> Path | None:
    """`name`.parquet or `name`.csv of a folder; raises DataError where both stand there."""
    found = [folder / f"{name}.{suffix}" for suffix in ("parquet", "csv") if (folder / f"{name}.{suffix}").is_file()]
    if len(found) > 1:
        raise DataError(f"{folder} holds both {found[0].name} and {found[1].name}")
    return found[0] if found else None


def read(path: Path, zone: str | None) -> Table:
    """A file. Raises DataError where it is neither CSV nor Parquet."""
    if zone is not None:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise DataError(f"data.toml, timezone: there is no zone of this name: {zone}") from error
    try:
        if path.suffix == ".parquet":
            frame = pl.read_parquet(path)
        elif path.suffix == ".csv":
            frame = pl.read_csv(path, infer_schema=False, null_values=[""])
        else:
            raise DataError(f"{path.name} is neither .csv nor .parquet")
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        # The library's text may repeat what stands in the file.
        if path.suffix == ".csv" and (ragged := _ragged(path)):
            raise DataError(ragged) from error
        raise DataError(f"{path.name} cannot be read as {path.suffix[1:]} ({type(error).__name__})") from error
    return Table(path, frame, zone)


def _ragged(path: Path) -> str | None:
    """Where a CSV file has a line of more or fewer fields than its header."""
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        lines = csv.reader(file)
        fields = len(next(lines, []))
        for line in lines:
            if line and len(line) != fields:
                return f"{path.name}, line {lines.line_num}: {len(line)} fields, where the header has {fields}"
    return None
