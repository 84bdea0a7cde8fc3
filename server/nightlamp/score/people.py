"""The patients file of the long format, and the ADT messages that tell the engine the same.

One line is one stay. Admission is told by A01, entry into the unit by A02 where it came later, discharge by A03: what
the engine knows of a person at a row is what these said by then.
"""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from nightlamp.score.adt_text import Left, Stay, adt, birth_date
from nightlamp.score.table import NO_TIME, Table

_TEXTS = ["unit", "bed", "visit", "service", "admission_type", "admit_source", "financial_class", "race"]
_LEFT = ["disposition"]
_TIMES = ["admitted_at", "unit_entered_at", "discharged_at"]
_SEXES = {"": "", "M": "M", "F": "F", "O": "O", "U": "U", "A": "A", "N": "N", "MALE": "M", "FEMALE": "F"}


@dataclass(frozen=True)
class Person:
    """One line."""

    stay: Stay
    age_years: float
    """NaN where the file has a birth date, or nothing."""
    unit_entered_us: int | None
    discharged_us: int | None
    disposition: str
    site: str
    person: str

    def messages(self, first_us: int) -> list[tuple[int, bytes]]:
        """When each was sent, and the message; `first_us`, the first observation, stands in for an admission."""
        stay, entered_us = self.stay, self.unit_entered_us
        admitted_us = stay.admitted_us
        if admitted_us is None:
            admitted_us = first_us if entered_us is None else entered_us
        if not stay.birth_date:
            stay = replace(stay, birth_date=birth_date(self.age_years, admitted_us))
        if entered_us is None or entered_us <= admitted_us:
            # A unit entered before the admission that the file names: as PV1-44 says, which may come later.
            at_us = admitted_us if entered_us is None else entered_us
            told = [(at_us, adt("A01", stay, at_us))]
        else:
            elsewhere = replace(stay, unit="", bed="")
            told = [(admitted_us, adt("A01", elsewhere, admitted_us)), (entered_us, adt("A02", stay, entered_us))]
        if self.discharged_us is not None:
            left = Left(discharged_us=self.discharged_us, disposition=self.disposition)
            told.append((self.discharged_us, adt("A03", stay, self.discharged_us, left)))
        return told


def people(file: Table | None, ids: list[str]) -> list[Person]:
    """A person a patient, in the order of `ids`; blank where the file says nothing. Raises DataError."""
    lines = pl.DataFrame({"patient": []}, schema={"patient": pl.String}) if file is None else _lines(file)
    texts = ["birth_date", "sex", "site", "person", *_TEXTS, *_LEFT]
    absent = [pl.lit("").alias(name) for name in texts if name not in lines.columns]
    numbers = {"age_years": pl.Float64, **dict.fromkeys(_TIMES, pl.Int64)}
    absent += [pl.lit(None, dtype=kind).alias(name) for name, kind in numbers.items() if name not in lines.columns]
    lines = lines.with_columns(absent)
    asked = pl.DataFrame({"patient": ids}, schema={"patient": pl.String})
    joined = asked.join(lines, on="patient", how="left", maintain_order="left").with_columns(
        pl.col(texts).fill_null("")
    )
    return [_person(line) for line in joined.iter_rows(named=True)]


def _person(line: dict[str, str | int | float | None]) -> Person:
    def text(name: str) -> str:
        return str(line[name])

    def at(name: str) -> int | None:
        time = line[name]
        return None if time is None or time == NO_TIME else int(time)

    age = line["age_years"]
    return Person(
        stay=Stay(
            patient=text("patient"),
            birth_date=text("birth_date").replace("-", ""),
            sex=_SEXES[text("sex").upper()],
            admitted_us=at("admitted_at"),
            **{name: text(name) for name in _TEXTS},
        ),
        age_years=float("nan") if age is None else float(age),
        unit_entered_us=at("unit_entered_at"),
        discharged_us=at("discharged_at"),
        disposition=text("disposition"),
        site=text("site") or "all",
        person=text("person") or f"\0{text('patient')}",
    )


def _lines(file: Table) -> pl.DataFrame:
    """The file, checked: a line a patient."""
    file.check(["patient"], ["person", "site", "birth_date", "age_years", "sex", *_TEXTS, *_LEFT], _TIMES)
    who = file.text("patient", required=True)
    file.refuse((~who.is_first_distinct()).to_numpy(), "patient", "the patient stands here a second time")
    born = file.text("birth_date")
    file.refuse(
        np.array([bool(day) and not _is_day(day) for day in born]), "birth_date", "expected a day as 1950-12-31"
    )
    sex = file.text("sex")
    expected = f"expected nothing or one of {', '.join(name for name in _SEXES if name)}"
    file.refuse(~sex.str.to_uppercase().is_in(list(_SEXES)).to_numpy(), "sex", expected)
    age = file.numbers("age_years", 0, 130, "expected years from 0 to 130")
    times = {name: file.times(name) for name in _TIMES}
    admitted, entered, left = times.values()
    for name, earlier in (("admitted_at", admitted), ("unit_entered_at", entered)):
        wrong = (left != NO_TIME) & (earlier != NO_TIME) & (left < earlier)
        file.refuse(wrong, "discharged_at", f"the discharge lies before {name}")
    texts = {name: file.text(name) for name in ("site", "person", *_TEXTS, *_LEFT)}
    return pl.DataFrame({"patient": who, "birth_date": born, "sex": sex, "age_years": age, **times, **texts})


def _is_day(text: str) -> bool:
    try:
        return len(text) == len("1950-12-31") and bool(date.fromisoformat(text))
    except ValueError:
        return False


def groups(persons: list[Person]) -> NDArray[np.int64]:
    """Who each patient is: the same number for the stays of one person."""
    return np.unique([person.person for person in persons], return_inverse=True)[1].astype(np.int64)
