"""Whose an alert is: by role, by unit, and by whether it is about a patient."""

from typing import Any, cast

import pytest

from nightlamp.alerting.actions import Actions
from nightlamp.alerting.routes import _check
from nightlamp.errors import Problem
from nightlamp.identity.roles import Principal, Role
from nightlamp.store.alerts import AlertReader

PATIENTS = "about a patient"
NOBODY = "about no patient"


def _who(role: Role, *units: str) -> Principal:
    return Principal("k1", role, frozenset(), frozenset(units) if units else None)


@pytest.mark.parametrize(
    ("who", "unit", "about", "reads", "answers"),
    [
        (_who(Role.SRE), "ICU", PATIENTS, False, False),
        (_who(Role.SRE), "", PATIENTS, False, False),
        (_who(Role.SRE), "", NOBODY, True, True),
        (_who(Role.SRE), "ICU", NOBODY, True, True),
        (_who(Role.SRE, "ICU"), "", NOBODY, True, True),
        (_who(Role.SRE, "ICU"), "ward", NOBODY, False, False),
        (_who(Role.SRE, "ICU"), "ICU", PATIENTS, False, False),
        (_who(Role.CHARGE_NURSE, "ICU"), "", NOBODY, True, True),
        (_who(Role.CHARGE_NURSE, "ICU"), "", PATIENTS, False, False),
        (_who(Role.CHARGE_NURSE, "ICU"), "ward", NOBODY, False, False),
        (_who(Role.CHARGE_NURSE, "ICU"), "ICU", PATIENTS, True, True),
        (_who(Role.CHARGE_NURSE), "", PATIENTS, True, True),
        (_who(Role.DATA_SCIENTIST), "", NOBODY, True, False),
        (_who(Role.DATA_SCIENTIST, "ICU"), "ICU", PATIENTS, True, False),
        (_who(Role.ADMIN), "", NOBODY, True, True),
        (_who(Role.DEVICE), "", NOBODY, False, False),
        (_who(Role.EHR), "ICU", PATIENTS, False, False),
    ],
)
def test_who_operates_reads_and_answers_what_is_about_no_patient_and_what_is_nowhere_is_everybodys(
    who: Principal, unit: str, about: str, reads: bool, answers: bool
) -> None:
    of_a_patient = about == PATIENTS
    assert who.may_read_alert(unit, about_patient=of_a_patient) is reads
    assert who.may_answer_alert(unit, about_patient=of_a_patient) is answers


class _Lagging:
    """An engine that has alert 1 in no unit, and a store that has none yet."""

    @property
    def engine(self) -> "_Lagging":
        return self

    def alert_unit(self, alert_id: int) -> str | None:
        return "" if alert_id == 1 else None

    async def one(self, _: int) -> Any:
        return None


@pytest.mark.parametrize(("alert_id", "who", "status"), [(1, Role.SRE, 503), (2, Role.SRE, 404), (1, Role.DEVICE, 404)])
async def test_an_alert_that_is_not_stored_yet_is_to_be_asked_for_again(alert_id: int, who: Role, status: int) -> None:
    there = _Lagging()
    with pytest.raises(Problem) as refused:
        await _check(_who(who), alert_id, cast(AlertReader, there), cast(Actions, there))
    assert refused.value.status == status
    assert ("Retry-After" in refused.value.headers) is (status == 503)
