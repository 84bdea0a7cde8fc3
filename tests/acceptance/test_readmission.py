"""Readmission is scored when the A03 arrives: sent over HTTP to the running server, equal to the offline path."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from messages import acknowledgement, unique
from running_server import RunningServer
from waiting import until

from nightlamp._core import FeatureEngine, Scorers, catalogue
from nightlamp.score.adt_text import AUTHORITY, Left, Stay, adt, birth_date

HL7 = {"Content-Type": "application/hl7-v2"}
MODELS = Path(__file__).resolve().parents[2] / "models"
HOUR_US = 3_600_000_000
NUMBER = {row["name"]: (row["number"], row["unit"]) for row in catalogue()}
#: As a registration desk, a laboratory and a pharmacy would tell; HbA1c by its LOINC code in an ORU, the rest as JSON.
ADMISSION = {"PriorInpatient": 2.0, "PriorOutpatient": 0.0, "PriorEmergency": 1.0, "PriorStays": 3.0}
COURSE = {"InsulinCourse": 2.0, "MetforminCourse": 0.0, "DiabetesDrugs": 1.0, "DiabetesChanges": 1.0}
WHOLE = {"LabTests": 51.0, "Procedures": 1.0, "Medications": 17.0}
HBA1C = 8.9


def send_values(server: RunningServer, patient: str, values: dict[str, float], at_us: int) -> None:
    observations = [
        {"code": name, "system": "nightlamp", "value": v, "unit": NUMBER[name][1]} for name, v in values.items()
    ]
    body = {
        "id": unique(),
        "device": "pharmacy",
        "patient": {"identifier": patient, "authority": AUTHORITY},
        "time": at_us // 1000,
        "observations": observations,
    }
    with server.client("device") as device:
        answer = device.post("/v1/observations", json=body)
        assert answer.status_code == 202, answer.text
        assert not answer.json().get("rejected"), answer.text


def send_hl7(server: RunningServer, message: bytes) -> None:
    with server.client("ehr") as ehr:
        answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
    assert (answer.status_code, acknowledgement(answer.text)["MSA"][0][1]) == (200, "AA"), answer.text
    assert "ERR" not in acknowledgement(answer.text), answer.text


def offline(name: str, told: list[bytes], values: list[tuple[str, float, int]], at_us: int) -> tuple[float, np.ndarray]:
    """Risk and row of a bundle by the path that training takes."""
    folder = MODELS / name / "1.0.0"
    engine = FeatureEngine((folder / "manifest.toml").read_bytes())
    values = sorted(values, key=lambda one: one[2])
    made = engine.rows(
        np.zeros(len(values), dtype=np.int64),
        np.array([NUMBER[one[0]][0] for one in values], dtype=np.uint16),
        np.array([one[2] for one in values], dtype=np.int64),
        np.array([one[1] for one in values], dtype=np.float64),
        np.zeros(1, dtype=np.int64),
        np.array([at_us], dtype=np.int64),
        np.zeros(len(told), dtype=np.int64),
        told,
    )
    row = np.frombuffer(made, dtype=np.float32)
    return float(np.frombuffer(Scorers([folder]).probabilities(name, row))[0]), row


@pytest.mark.parametrize("name", ["readmission", "readmission-stay"])
def test_a_stay_sent_by_http_is_scored_as_offline_and_only_when_its_bundle_waits_for_it(
    server: RunningServer, name: str
) -> None:
    patient, unit = f"R{unique()}", f"U{unique()}"
    now_us = time.time_ns() // 1_000_000 * 1_000
    admitted_us = now_us - 75 * HOUR_US
    stay = Stay(
        patient,
        birth_date(75.0, admitted_us),
        "F",
        unit=unit,
        bed="4",
        visit=unique(),
        admitted_us=admitted_us,
        admission_type="1",
        service="InternalMedicine",
        admit_source="7",
        financial_class="MC",
    )
    left = Left(now_us - HOUR_US, "3", ["428.0", "250.02", "585", "", ""], "I9C")
    told = [adt("A01", stay, admitted_us), adt("A03", stay, now_us - HOUR_US, left)]
    at = adt("A01", stay, now_us).decode().split("|")[6]  # HL7 time of the laboratory's message
    oru = "\r".join(
        [
            rf"MSH|^~\&|LAB||NIGHTLAMP||{at}||ORU^R01|L{unique()}|P|2.5.1",
            f"PID|1||{patient}^^^{AUTHORITY}^MR",
            f"OBR|1|||LAB|||{at}",
            f"OBX|1|NM|4548-4^Hemoglobin A1c^LN||{HBA1C}|%|||||F|||{at}",
            "",
        ]
    )
    send_hl7(server, told[0])
    send_values(server, patient, ADMISSION, admitted_us + HOUR_US)
    send_values(server, patient, COURSE | WHOLE, now_us - 2 * HOUR_US)
    send_hl7(server, oru.encode())
    values = [(signal, v, admitted_us + HOUR_US) for signal, v in ADMISSION.items()]
    values += [(signal, v, now_us - 2 * HOUR_US) for signal, v in (COURSE | WHOLE).items()]
    hba1c = ("HbA1c", HBA1C, now_us // 1_000_000 * 1_000_000)
    with server.client("nurse") as nurse:
        (row,) = until(lambda: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])
        path = f"/v1/patients/{row['patient_id']}"

        def scores(model: str) -> list[dict[str, Any]]:
            asked = {"model": model, "features": "true"}
            return list(nurse.get(f"{path}/scores", params=asked).json()["items"])

        (in_stay, *more) = until(lambda: scores("readmission-stay"))
        assert not more
        assert not scores("readmission"), "nobody has been discharged yet"
        send_hl7(server, told[1])
        (at_discharge,) = until(lambda: scores("readmission"))
        assert len(scores("readmission-stay")) == 1
    stored = at_discharge if name == "readmission" else in_stay
    scored_us = round(datetime.fromisoformat(stored["scored_at"]).timestamp() * 1e6)
    # The in-stay score was asked by the second JSON message, before the laboratory spoke.
    known = [*values, hba1c] if name == "readmission" else values
    risk, features = offline(name, told if name == "readmission" else told[:1], known, scored_us)
    assert stored["value"] == pytest.approx(risk, abs=1e-9)
    assert 0.01 < risk < 0.9
    shown = [float("nan") if value is None else value for value in stored["features"]]
    assert shown == pytest.approx(features.tolist(), rel=1e-9, nan_ok=True)
    names = json.loads(Scorers([MODELS / name / "1.0.0"]).listing())[-1]["features"]
    known_facts = dict(zip(names, shown, strict=True))
    assert not np.isnan(known_facts["admit_source"])
    assert not np.isnan(known_facts["service"])
    if name == "readmission":
        assert known_facts["hours_of_stay"] == 74
        assert known_facts["diagnoses_count"] == 5
        assert not np.isnan(known_facts["discharge_disposition"])
