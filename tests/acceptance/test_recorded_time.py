"""A server that replays a recording: the messages' own times count, all can see it, and the journal remembers it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from messages import unique
from running_server import RunningServer, refused_start
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}


def _recorded(patient: str, unit: str, at: datetime) -> list[str]:
    """An admission at `at` and a report an hour later, as they were sent then."""

    def msh(event: str, hour: int) -> str:
        return rf"MSH|^~\&|EHR|HOSPITAL|NIGHTLAMP||{_dtm(at, hour)}||{event}|{unique()}|P|2.5.1"

    born = "PID|1||{}^^^HOSP^MR||||19500512|F"
    observed = _dtm(at, 1)
    rows = [("8867-4", "118", "/min"), ("9279-1", "26", "/min"), ("8480-6", "92", "mm[Hg]"), ("8310-5", "38.9", "Cel")]
    return [
        "\r".join([msh("ADT^A01^ADT_A01", 0), f"EVN||{_dtm(at, 0)}", born.format(patient), f"PV1|1|I|{unit}^1^1", ""]),
        "\r".join(
            [msh("ORU^R01^ORU_R01", 1), born.format(patient), "OBR|1|||V"]
            + [f"OBX|{n}|NM|{code}^^LN||{v}|{u}|||||F|||{observed}" for n, (code, v, u) in enumerate(rows, 1)]
            + [""]
        ),
    ]


def _dtm(at: datetime, hours: int) -> str:
    return at.replace(hour=at.hour + hours).strftime("%Y%m%d%H%M%S+0000")


def test_scores_of_a_recording_lie_where_it_happened_years_back_in_any_order_of_patients(
    new_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    server = new_server(tmp_path, DECODE__RECORDED_TIME="true")
    patients = [
        (f"P{unique()}", "A", datetime(2019, 5, 3, 8, tzinfo=UTC)),
        (f"P{unique()}", "B", datetime(2011, 2, 1, 8, tzinfo=UTC)),
    ]
    with server.client("ehr") as ehr, server.client("nurse") as nurse:
        for patient, unit, at in patients:
            for message in _recorded(patient, unit, at):
                answer = ehr.post("/v1/hl7v2", content=message, headers=HL7)
                assert "MSA|AA" in answer.text, answer.text
                assert "ERR" not in answer.text
        for _, unit, at in patients:
            (row,) = until(lambda unit=unit: nurse.get("/v1/patients", params={"unit": unit}).json()["items"])
            span = {"from": at.isoformat(), "to": at.replace(hour=12).isoformat()}
            path = f"/v1/patients/{row['patient_id']}"
            scores = until(lambda path=path, span=span: nurse.get(f"{path}/scores", params=span).json()["items"])
            assert {one["model"] for one in scores} >= {"news2", "sepsis"}
            assert {datetime.fromisoformat(one["scored_at"]) for one in scores} == {at.replace(hour=9)}
            assert {i["age_s"] for one in scores for i in one["inputs"] if i["value"] is not None} == {0}
            found = nurse.get(f"{path}/observations", params=span).json()["items"]
            assert len(found) == 4
            assert all(one["received_at"] > "2026" for one in found), "the journal's receipt stays true"
    with server.client("sre") as sre:
        assert sre.get("/readyz").json()["time"] == "recorded"
        assert "nightlamp_decode_recorded_time 1.0" in sre.get("/metrics").text
    assert "replaying a recording" in server.log
    server.stop()
    end = refused_start(tmp_path)
    assert end.returncode == 1
    assert "written in recorded time" in end.stderr
    assert "Traceback" not in end.stderr
    again = new_server(tmp_path, DECODE__RECORDED_TIME="true")
    with again.client("sre") as sre:
        assert sre.get("/readyz").json()["time"] == "recorded"


def test_a_ward_says_that_it_runs_by_receipt(server: RunningServer) -> None:
    with server.client("sre") as sre:
        assert sre.get("/readyz").json()["time"] == "received"
        assert "nightlamp_decode_recorded_time 0.0" in sre.get("/metrics").text
