"""What a message says: severity, rule, bed, time, reason, link; and never who the patient is or what a person typed."""

import json
from datetime import UTC
from typing import Any

import msgspec
import pytest
from alert_steps import PATIENT, step
from hypothesis import given
from hypothesis import strategies as st

from nightlamp.notify.event import step_of
from nightlamp.notify.words import TEXT_MAX, TITLE_MAX, Message, Words
from nightlamp.settings import Template

WORDS = Words(Template(), UTC, "https://lamp.example/")
AT_MS = 1_760_000_000_000


def _told(words: Words = WORDS, **more: Any) -> Message:
    return words.message(step_of(json.dumps(step(at_ms=AT_MS, **more)).encode()))


def test_a_message_says_severity_rule_bed_time_reason_and_where_to_look() -> None:
    told = _told(reason="NEWS2 7 reached 7")
    assert told.title == "HIGH alert news2-high opened"
    assert told.text.split("\n") == [
        "HIGH alert news2-high opened",
        "NEWS2 7 reached 7",
        "Bed: ICU-1 07",
        "2025-10-09 08:53:20 UTC",
        f"https://lamp.example/console/#/patient/{PATIENT}",
    ]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"kind": "escalated", "to": "physician"}, "HIGH alert news2-high escalated to physician"),
        ({"kind": "reminded", "to": "physician"}, "HIGH alert news2-high still unanswered, physician called again"),
        ({"kind": "acknowledged", "by": "k1", "role": "nurse"}, "HIGH alert news2-high acknowledged by nurse"),
        ({"kind": "cleared", "severity": "medium"}, "Medium alert news2-high cleared"),
        (
            {"severity": "technical", "rule": "channel-dead", "subject": "pager", "patient": "", "unit": "", "bed": ""},
            "Technical alert channel-dead opened: pager",
        ),
    ],
)
def test_each_step_is_told_in_words(more: dict[str, Any], what: str) -> None:
    assert _told(**more).title == what


def test_an_alert_about_no_patient_links_to_the_board_and_has_no_line_for_a_bed() -> None:
    told = _told(patient="", unit="", bed="")
    assert "Bed" not in told.text
    assert told.text.endswith("https://lamp.example/console/")


_names = st.text(min_size=1, max_size=60)


@given(
    family=_names, given_name=_names, mrn=_names, note=_names, kind=st.sampled_from(["opened", "snoozed", "escalated"])
)
def test_p6_no_name_number_or_note_in_a_patients_data_changes_a_message(
    family: str, given_name: str, mrn: str, note: str, kind: str
) -> None:
    """Whatever a body carries beside the fields of a step is not there for a message."""
    identity = {"family": family, "given": given_name, "identifier": mrn, "birth_date": "1950-05-12"}
    why = [{"about": family, "words": given_name, "share": 1.0}]
    with_identity = _told(kind=kind, note=note, explanation=why, contributions=why, identity=identity, **identity)
    assert with_identity == _told(kind=kind)


@given(note=_names)
def test_p6_what_a_person_gave_as_a_reason_is_not_sent(note: str) -> None:
    assert _told(kind="snoozed", by="k1", role="nurse", reason=note) == _told(kind="snoozed", by="k1", role="nurse")


@given(place=st.text(max_size=600))
def test_no_bed_or_unit_can_add_a_header_or_outgrow_a_message(place: str) -> None:
    template = Template(title="{unit}{bed}", body="{unit} {bed} {rule} " * 20)
    told = _told(Words(template, UTC, ""), unit=place, bed=place, rule=place)
    assert all(char.isprintable() for char in told.title)
    assert 0 < len(told.title) <= TITLE_MAX
    assert all(char.isprintable() for char in told.text.replace("\n", ""))
    assert 0 < len(told.text) <= TEXT_MAX


@pytest.mark.parametrize(
    "body", [b"[]", b'{"type":"alert"}', b"{}", b"\xff", json.dumps(step() | {"cursor": "-1"}).encode()]
)
def test_what_is_no_step_is_refused(body: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, ValueError)):
        step_of(body)
