"""The HTTP doors: nobody enters anonymously, nothing is unbounded, every bad input has its answer."""

import gzip
import re
import socket
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from messages import WELL, acknowledgement, admission, msh, stamp, unique, vitals
from running_server import RunningServer
from waiting import until

HL7 = {"Content-Type": "application/hl7-v2"}
MIB = 1 << 20
DOORS = ("/v1/hl7v2", "/v1/observations")
CLOSED = (
    "/readyz",
    "/metrics",
    "/v1/patients",
    "/v1/alerts",
    "/v1/models",
    "/v1/models/sepsis/card",
    "/v1/operations",
    "/v1/policy",
    "/v1/dead-letters",
    "/openapi.json",
    "/v1/console/session",
)


def _post(
    server: RunningServer, content: bytes | str | Iterable[bytes], role: str = "ehr", **headers: str
) -> httpx.Response:
    with server.client(role) as client:
        return client.post("/v1/hl7v2", content=content, headers={**HL7, **headers})


def _msa(answer: httpx.Response) -> list[str]:
    return acknowledgement(answer.text)["MSA"][0]


def _err(answer: httpx.Response) -> list[str]:
    return acknowledgement(answer.text)["ERR"][0]


# --- who may enter ----------------------------------------------------------------------------------------------------


def test_only_livez_is_open(server: RunningServer) -> None:
    with server.client(None) as nobody:
        assert nobody.get("/livez").json() == {"status": "alive"}
        for path in CLOSED:
            answer = nobody.get(path)
            assert answer.status_code == 401, path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "Bearer" in answer.headers["www-authenticate"]
        assert nobody.get("/docs").status_code == 404


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("key", [None, "nl_aaaaaaaa_" + "a" * 52, "Bearer", "x" * 5_000])
def test_the_credential_is_checked_before_the_body_is_read(server: RunningServer, path: str, key: str | None) -> None:
    """The request declares a body of 1 GB and sends none of it: the answer comes all the same."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as line:
        authorization = f"Authorization: Bearer {key}\r\n" if key else ""
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\n{authorization}Content-Type: application/hl7-v2\r\n"
        line.sendall(f"{head}Content-Length: 1000000000\r\n\r\n".encode())
        assert line.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_both_headers_carry_a_key(server: RunningServer) -> None:
    with server.client(None) as client:
        headers = {**HL7, "X-API-Key": server.keys["ehr"]}
        answer = client.post("/v1/hl7v2", content=admission(f"P{unique()}", "U", unique()), headers=headers)
        assert answer.status_code == 200


def test_a_role_that_may_not_send_is_refused_with_an_hl7_answer(server: RunningServer) -> None:
    answer = _post(server, admission("P", "U", "1"), role="nurse")
    assert (answer.status_code, _msa(answer)[1]) == (403, "AR")


def test_a_key_is_bound_to_its_doors(server: RunningServer) -> None:
    made = server.command("keys", "create", "--role", "ehr", "--source", "hl7_http")
    with server.client(key=made.stdout.strip()) as client:
        body = admission(f"P{unique()}", "U", unique())
        until(lambda: client.post("/v1/hl7v2", content=body, headers=HL7).status_code == 200)
        assert client.post("/v1/observations", json={}).status_code == 403
        server.command("keys", "revoke", made.stdout.split("_")[1])
        until(lambda: client.post("/v1/hl7v2", content=body, headers=HL7).status_code == 401)


# --- bounds -----------------------------------------------------------------------------------------------------------


def _padded(size: int) -> bytes:
    start = admission(f"P{unique()}", "U", unique()).encode() + b"NTE|1||"
    return start + b"x" * (size - len(start))


def test_one_mebibyte_is_taken_and_one_byte_more_is_not(server: RunningServer) -> None:
    assert _post(server, _padded(MIB)).status_code == 200
    large = _padded(MIB + 1)
    for content in (large, iter([large[:MIB], large[MIB:]])):
        answer = _post(server, content)
        assert (answer.status_code, _msa(answer)[1]) == (413, "AR")
    with server.client("device") as device:
        answer = device.post(
            "/v1/observations", content=b"[" + b" " * MIB, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_large"


def test_an_endless_body_is_cut_off(server: RunningServer) -> None:
    def endless() -> Any:
        while True:
            yield b"x" * 65_536

    with server.client("ehr") as client:
        try:
            answer = client.post("/v1/hl7v2", content=endless(), headers=HL7)
            assert answer.status_code == 413
        except (httpx.WriteError, httpx.ReadError):
            pass  # the connection was closed on us, which is as good
        assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/pdf"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/hl7-v2", "Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "application/hl7-v2; charset=klingon"}, 415),
        ({"Content-Type": "application/hl7-v2+er7; charset=utf-8"}, 200),
        ({"Content-Type": "x-application/hl7-v2+er7"}, 200),
        ({"Content-Type": "text/plain; charset=iso-8859-1"}, 200),
    ],
)
def test_media_types_codings_and_charsets(server: RunningServer, headers: dict[str, str], status: int) -> None:
    body = admission(f"P{unique()}", "U", unique()).encode()
    answer = _post(server, gzip.compress(body) if "Content-Encoding" in headers else body, **headers)
    assert answer.status_code == status, answer.text
    assert _msa(answer)[1] == ("AA" if status == 200 else "AR")


# --- bad input --------------------------------------------------------------------------------------------------------

_ORU = "PID|1||{patient}^^^HOSP^MR\rOBR|1|||V|||" + "{time}\r"


@pytest.mark.parametrize(
    ("body", "status", "hl7_code"),
    [
        ("", 400, "100"),
        ("hello", 400, "100"),
        ("MSH", 400, "100"),
        ("MSH|^~\\&|A\rPID", 422, "101"),
        (msh("ORU^R01", "C1", version="2.2") + "\r", 422, "203"),
        (msh("SIU^S12", "C2") + "\r", 422, "200"),
        (msh("ADT^A99", "C3") + "\r", 422, "201"),
        (msh("ORU^R01", "C4", processing_id="T") + "\r", 422, "202"),
        (msh("ORU^R01", "C5", charset="EBCDIC") + "\r", 415, "103"),
        (msh("ORU^R01", "") + "\r", 422, "101"),
    ],
)
def test_an_envelope_that_cannot_be_taken_is_refused_with_its_code(
    server: RunningServer, body: str, status: int, hl7_code: str
) -> None:
    answer = _post(server, body)
    assert answer.status_code == status, answer.text
    assert _msa(answer)[1] == "AR"
    assert _err(answer)[3].startswith(f"{hl7_code}^"), answer.text


@pytest.mark.parametrize(
    ("obx", "reason"),
    [
        ("OBX|1|NM|99999-9^^LN||80|/min|||||F|||{now}", "unknown_code"),
        ("OBX|1|NM|8867-4^^LN||80|furlong|||||F|||{now}", "unknown_unit"),
        ("OBX|1|NM|8867-4^^LN||80||||||F|||{now}", "missing_unit"),
        ("OBX|1|NM|8867-4^^LN||9999|/min|||||F|||{now}", "implausible"),
        ("OBX|1|NM|8867-4^^LN||eighty|/min|||||F|||{now}", "bad_data_type"),
        ("OBX|1|NM|8867-4^^LN||80|/min|||||F|||{future}", "future_time"),
        ("OBX|1|NM|8867-4^^LN||80|/min|||||F|||{ancient}", "ancient_time"),
        ("OBX|1|NM|8867-4^^LN||80|/min|||||F|||20269999", "bad_time"),
    ],
)
def test_content_that_cannot_be_used_is_told_dead_lettered_and_costs_nothing_else(
    server: RunningServer, obx: str, reason: str
) -> None:
    patient, control_id = f"P{unique()}", f"B{unique()}"
    row = obx.format(now=stamp(), future=stamp(-86_400), ancient=stamp(800 * 86_400))
    good = vitals(patient, {"9279-1": ("17", "/min")}, control_id=control_id)
    answer = _post(server, good + row.replace("OBX|1", "OBX|2") + "\r")
    assert (answer.status_code, _msa(answer)[1:3]) == (200, ["AA", control_id])
    assert (_err(answer)[4], reason in _err(answer)[3]) == ("W", True), answer.text
    with server.client("admin") as admin:
        until(lambda: _letters(admin, reason))
        letter = _letters(admin, reason)[0]
        assert patient not in str(letter)
        assert letter["seq"] > 0


def _letters(admin: httpx.Client, reason: str) -> list[dict[str, Any]]:
    items = admin.get("/v1/dead-letters", params={"reason": reason}).json()["items"]
    assert isinstance(items, list)
    return items


def test_the_same_message_again_is_acknowledged_and_stored_once_and_other_content_is_a_conflict(
    server: RunningServer,
) -> None:
    patient, unit, control_id = f"P{unique()}", f"U{unique()}", f"D{unique()}"
    assert _post(server, admission(patient, unit, "1")).status_code == 200
    message = vitals(patient, WELL, control_id=control_id)
    for _ in range(3):
        assert _msa(_post(server, message))[1:3] == ["AA", control_id]
    other = message.replace("|72|", "|73|")
    assert _msa(_post(server, other))[1] == "AA"
    with server.client("admin") as admin:
        until(lambda: _letters(admin, "duplicate_conflict"))
        (row,) = until(lambda: admin.get("/v1/patients", params={"unit": unit}).json()["items"])
        path = f"/v1/patients/{row['patient_id']}/observations"
        until(lambda: len(admin.get(path).json()["items"]) == len(WELL))
        assert {one["value"] for one in admin.get(path, params={"signal": "HR"}).json()["items"]} == {72.0}


def test_a_batch_is_answered_message_by_message(server: RunningServer) -> None:
    good, bad = admission(f"P{unique()}", "U", unique()), msh("SIU^S12", "C") + "\r"
    envelope = "BHS|^~\\&|EHR\r{}BTS|2\r"
    answer = _post(server, envelope.format(good + bad))
    assert answer.status_code == 200
    assert [msa[1] for msa in acknowledgement(answer.text)["MSA"]] == ["AA", "AR"]
    assert answer.text.startswith("BHS|")
    answer = _post(server, envelope.format(bad + bad))
    assert answer.status_code == 422
    assert [msa[1] for msa in acknowledgement(answer.text)["MSA"]] == ["AR", "AR"]
    answer = _post(server, envelope.replace("2", "3").format(good + good))
    assert (answer.status_code, _msa(answer)[1]) == (400, "AR")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b"[]", 422),
        (b'{"observations": []}', 422),
        (b'{"observations": 7}', 400),
        (b'{"colour": 1}', 400),
        (b"[" * 100_000, 400),
    ],
)
def test_device_json_that_is_not_this_shape_is_refused_as_a_problem(
    server: RunningServer, body: bytes, status: int
) -> None:
    with server.client("device") as device:
        answer = device.post("/v1/observations", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status
    assert re.fullmatch(r"[a-z_]+", problem["code"])
    assert problem["detail"]


def test_observations_that_cannot_be_used_are_named_by_index(server: RunningServer) -> None:
    patient = f"P{unique()}"
    body = {
        "patient": {"authority": "HOSP", "identifier": patient},
        "time": datetime.now(UTC).isoformat(),
        "observations": [
            {"code": "8867-4", "value": 80, "unit": "/min"},
            {"code": "8867-4", "value": 80, "unit": "furlong"},
            {"code": "nothing", "value": 80, "unit": "/min"},
        ],
    }
    with server.client("device") as device:
        answer = device.post("/v1/observations", json=body)
    assert answer.status_code == 202, answer.text
    said = answer.json()
    assert (said["accepted"], said["rejected_total"]) == (1, 2)
    assert [(one["index"], one["code"]) for one in said["rejected"]] == [(1, "unknown_unit"), (2, "unknown_code")]


# --- privacy ----------------------------------------------------------------------------------------------------------


def test_patient_identity_reaches_neither_log_nor_metrics(server: RunningServer) -> None:
    patient, family = f"MRN{unique()}77", "Kowalewska"
    assert _post(server, admission(patient, "U", unique(), family=family)).status_code == 200
    _post(server, f"MSH|^~\\&|{family}|{patient}\rPID|{patient}\r")
    with server.client("device") as device:
        broken = f'{{"patient": "{patient} {family}"'
        device.post("/v1/observations", content=broken, headers={"Content-Type": "application/json"})
    with server.client("admin") as admin:
        shown = admin.get("/metrics").text + admin.get("/readyz").text + admin.get("/v1/dead-letters").text
    for secret in (patient, family, server.keys["ehr"]):
        assert secret not in server.log
        assert secret not in shown


# --- what scores here -------------------------------------------------------------------------------------------------


def test_models_show_their_cards_and_figures_to_who_may_read(server: RunningServer) -> None:
    with server.client("data_scientist") as reader:
        listed = {one["name"]: one for one in reader.get("/v1/models").json()["items"]}
        assert (listed["news2"]["kind"], listed["news2"]["has_card"]) == ("rule", False)
        models = [one for one in listed.values() if one["kind"] == "model"]
        assert "sepsis" in {one["name"] for one in models}
        for model in models:
            card = reader.get(f"/v1/models/{model['name']}/card")
            assert card.headers["content-type"] == "text/markdown; charset=utf-8"
            assert card.text.startswith(f"# {model['name']} {model['version']}\n")
            metrics = reader.get(f"/v1/models/{model['name']}/metrics").json()
            assert f"{metrics['overall']['auroc']:.3f}" in card.text
            assert "patients_sketch" not in metrics
        assert reader.get("/v1/models/news2/card").status_code == 404
    with server.client("sre") as operator:
        assert "sepsis" in {one["name"] for one in operator.get("/v1/models").json()["items"]}
    with server.client("device") as device:
        assert device.get("/v1/models").status_code == 403
