"""The parts of the parity tool: what is sent is what the files say, and a difference cannot hide."""

import dataclasses
import json
import re
from pathlib import Path

import made_up_challenge
import numpy as np
import pytest

from nightlamp._core import Decoder, catalogue
from nightlamp.parity import challenge, figures, messages
from nightlamp.parity.challenge import DAY_US, Challenge
from nightlamp.parity.compare import Comparison
from nightlamp.parity.offline import Bundle
from nightlamp.parity.stored import Scores

TODAY_US = 20_000 * DAY_US
BUNDLE = sorted((Path(__file__).resolve().parents[3] / "models" / "sepsis").iterdir())[-1]


@pytest.fixture
def sent(tmp_path: Path) -> Challenge:
    made_up_challenge.write(tmp_path, patients=4)
    return challenge.read(tmp_path, None, TODAY_US)


def test_a_report_says_the_hours_values_with_loinc_units_and_the_time_of_the_recording(sent: Challenge) -> None:
    writer = messages.Writer(sent.readings, sent.admissions, sent.start_us)
    patient, at_us, rows = next(hour for hour in sent.readings.hours() if hour[1] == 3 * DAY_US // 24)
    report = writer.report(patient, at_us, rows).decode()
    assert f"|{sent.recording.patient_id[patient]}^^^RECORDED^MR" in report
    (time,) = set(re.findall(r"\|F\|\|\|(\d+\+0000)", report))
    assert report.split("|")[6] == time
    assert "|8867-4^HR^LN||812|beats/min|" in report
    assert "|17861-6^Calcium^LN||1.13|mg/dL|" in report
    assert sent.start_us % DAY_US == 0
    assert sent.start_us + int(sent.recording.row_at_us.max()) < TODAY_US


def test_oxygen_is_sent_in_the_unit_it_stands_in(sent: Challenge) -> None:
    units = {
        value: sent.readings.codes[code].unit
        for code, value in zip(sent.readings.code.tolist(), sent.readings.value.tolist(), strict=True)
        if sent.readings.codes[code].name == "FiO2"
    }
    assert (units[40.0], units[4000.0], units[-50.0]) == ("%", "1", "1")
    assert {unit for value, unit in units.items() if 0 < value < 1} == {"1"}


def test_what_decode_makes_of_both_forms_is_what_the_offline_path_holds_bit_for_bit(sent: Challenge) -> None:
    decoder = Decoder(json.dumps({"recorded_time": True}))
    writer = messages.Writer(sent.readings, sent.admissions, sent.start_us)
    names = [row["name"] for row in catalogue()]
    recording = sent.recording
    held = {
        (int(whose), int(at_us), names[signal]): float(value)
        for whose, at_us, signal, value in zip(
            recording.patient, recording.observed_at_us, recording.signal, recording.value, strict=True
        )
    }
    for source in (1, 3):
        found = {}
        for patient, at_us, rows in sent.readings.hours():
            hour = patient, at_us, rows
            payload = writer.report(*hour) if source == 1 else writer.reading(*hour).payload
            context = "" if source == 1 else "ICU/1"
            for event in decoder.decode(source, context, TODAY_US, payload)["events"]:
                assert event["observed_at_us"] == sent.start_us + at_us
                found[patient, at_us, event["signal"]] = event["value"]
        assert found == held, f"source {source}"


def test_a_batch_never_tears_a_patient_over_two_lists_and_counts_its_messages() -> None:
    groups = [[b"MSH|%d\r" % n] * size for n, size in enumerate([400, 400, 400, 2_000, 1])]
    lists = list(messages.batches(groups))
    assert [sum(count for _, count in one) for one in lists] == [800, 400, 2_000, 1]
    for one in lists:
        for body, count in one:
            assert body.count(b"MSH|") == count <= messages.BODY_MESSAGES_MAX
            assert f"BTS|{count}\r".encode() in body
    whose = [{line for body, _ in one for line in body.split(b"\r") if line.startswith(b"MSH")} for one in lists]
    assert not any(a & b for i, a in enumerate(whose) for b in whose[i + 1 :])


def stored_as_offline(sent: Challenge, bundle: Bundle) -> tuple[Comparison, Scores]:
    """What a server without a fault would have stored: every hour with a usable value and enough inputs."""
    door = np.broadcast_to(np.array("hl7"), sent.recording.patients)
    comparison = Comparison(bundle, sent.recording, sent.readings, door)
    rows = bundle.rows(sent.recording, 0, sent.recording.patients)
    scored = comparison.would_be_scored
    return comparison, Scores(
        patient=sent.recording.row_patient[scored],
        at_us=sent.recording.row_at_us[scored] + sent.start_us,
        raw=rows.raw[scored],
        risk=rows.risk[scored],
        features=rows.features[scored],
    )


@pytest.mark.parametrize(
    ("what", "holds"),
    [("nothing", True), ("feature", False), ("missing", False), ("risk", False), ("lost", False), ("invented", False)],
)
def test_no_difference_can_hide(sent: Challenge, what: str, holds: bool) -> None:
    bundle = Bundle(BUNDLE)
    comparison, stored = stored_as_offline(sent, bundle)
    features, risk = stored.features.copy(), stored.risk.copy()
    known = np.argwhere(~np.isnan(features))[17]
    if what == "feature":
        features[tuple(known)] += np.float32(1e-3)
    if what == "missing":
        features[tuple(known)] = np.nan
    if what == "risk":
        risk[5] += 1e-8
    stored = dataclasses.replace(stored, features=features, risk=risk)
    if what == "lost":
        stored = Scores(*(getattr(stored, column.name)[1:] for column in dataclasses.fields(Scores)))
    if what == "invented":
        stored = dataclasses.replace(stored, at_us=np.append(stored.at_us[:-1], stored.at_us[-1] + 1))
    offline = bundle.rows(sent.recording, 0, sent.recording.patients)
    comparison.add(0, sent.recording.patients, offline, stored, sent.start_us)
    assert comparison.found.holds == holds, comparison.found
    if holds:
        assert comparison.found.features_not_identical == 0
        assert comparison.found.hours == comparison.found.compared + sum(comparison.found.not_scored.values())
        assert comparison.found.not_scored["no value"] > 0
        assert comparison.found.not_scored["no usable value"] > 0


def test_an_hour_without_a_score_carries_the_last_one_of_its_own_patient() -> None:
    nan = np.nan
    served = np.array([nan, 0.2, nan, 0.4, nan, nan, 0.1, nan])
    bounds = np.array([0, 5, 8])
    assert figures.carried(served, bounds, 0.02).tolist() == [0.02, 0.2, 0.2, 0.4, 0.4, 0.02, 0.1, 0.1]
