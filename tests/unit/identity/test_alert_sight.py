"""Whose an alert is: by role, by unit, and by whether it is about a patient."""

import pytest

from nightlamp.identity.roles import Principal, Role

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
