"""P5 against a real server: whoever floods, drips or bombs is refused in bounded time and memory, by the code of the
protocol and the limit's value, while another sender's messages keep being acknowledged."""

import contextlib
import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import paho.mqtt.client as paho
import psutil
import pytest
from attacks import HL7, Cost, head, line, told, under_attack
from messages import WELL, acknowledgement, admission, msh, stamp, unique, vitals
from paho.mqtt.enums import CallbackAPIVersion
from running_server import RunningServer, start_server
from waiting import until
from websockets.sync.client import connect

MIB = 1 << 20
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with short patience, so that the tests need little; sizes are the defaults."""
    with pytest.MonkeyPatch.context() as patched:
        # glibc keeps what threads gave back in arenas of their own, eight a core: growth that nobody holds.
        patched.setenv("MALLOC_ARENA_MAX", "2")
        running = start_server(
            tmp_path_factory.mktemp("target"),
            HTTP__HEAD_TIMEOUT_S="1.5",
            HTTP__BODY_TIMEOUT_S="2",
            HTTP__WRITE_TIMEOUT_S="2",
            HTTP__CONCURRENCY_MAX="100",
        )
    with running.client("ehr") as ehr:  # warm: what the first messages take is no growth
        for number in range(50):
            patient = f"W{unique()}"
            ehr.post("/v1/hl7v2", content=admission(patient, "W", str(number)), headers=HL7)
            ehr.post("/v1/hl7v2", content=vitals(patient, WELL), headers=HL7)
        ehr.post("/v1/hl7v2", content=_hl7("NTE|1||" + "x" * (MIB - 400)), headers=HL7)
    yield running
    running.stop()


def _hl7(*segments: str) -> str:
    return "\r".join([msh("ORU^R01", f"X{unique()}"), f"PID|1||X{unique()}^^^HOSP^MR", "OBR|1|||V", *segments, ""])


def _obx(number: int) -> str:
    return f"OBX|{number}|NM|8867-4^^LN||72|/min|||||F|||{stamp(1)}"


# --- bodies -----------------------------------------------------------------------------------------------------------


def _deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def _keys(count: int) -> bytes:
    return json.dumps({f"k{n}": n for n in range(count)} | {"observations": []}).encode()


def _one(value: str) -> bytes:
    row = f'{{"code": "8867-4", "unit": "/min", "time": {time.time_ns() // 1_000_000}, "value": {value}}}'
    return f'{{"patient": {{"identifier": "X"}}, "observations": [{row}]}}'.encode()


BODIES: dict[str, tuple[str, Callable[[], bytes], int, str]] = {
    "a million keys": ("json", lambda: _keys(1_000_000), 413, "1048576 bytes"),
    "as many keys as fit": ("json", lambda: _keys(60_000), 422, "observations"),
    "100,000 levels": ("json", lambda: _deep(100_000), 400, "malformed"),
    "a value of 100,000 levels": ("json", lambda: _one("[" * 100_000 + "]" * 100_000), 202, "bad_data_type"),
    "a number of a million digits": ("json", lambda: _one("1" * 1_000_000), 202, "bad_data_type|implausible"),
    "a text of a million letters": ("json", lambda: _one('"' + "a" * 1_000_000 + '"'), 202, "bad_data_type"),
    "10,001 observations": ("json", lambda: json.dumps({"observations": [{}] * 10_001}).encode(), 413, "10000 observ"),
    "10,001 segments": ("hl7", lambda: _hl7(*["NTE|1"] * 9_998).encode(), 413, "10000 segments"),
    "10,001 OBX": ("hl7", lambda: _hl7(*["OBX|1|NM|8"] * 10_001).encode(), 413, "10000 (segments|observations)"),
    "a segment of a million fields": ("hl7", lambda: _hl7("OBX" + "|" * 1_000_000).encode(), 200, "MSA"),
    "1,001 messages": ("hl7", lambda: ("BHS|^~\\&\r" + _hl7() * 1_001).encode(), 413, "1000 messages"),
    "a body of 1 MiB and a byte": ("hl7", lambda: b"x" * (MIB + 1), 413, "1048576 bytes"),
}


@pytest.mark.parametrize("name", BODIES)
def test_p5_a_hostile_body_is_answered_with_the_limit_it_met(target: RunningServer, name: str) -> None:
    kind, make, status, says = BODIES[name]
    body = make()
    path, headers = ("/v1/hl7v2", HL7) if kind == "hl7" else ("/v1/observations", JSON)
    with under_attack(target, name, 48 * MIB), target.client("ehr") as ehr:
        for _ in range(5):
            answer = ehr.post(path, content=body, headers=headers)
            assert answer.status_code == status, answer.text[:300]
            assert re.search(says, answer.text), answer.text[:300]
            if kind == "hl7":
                assert acknowledgement(answer.text)["MSA"][0][1] == ("AA" if status == 200 else "AR")


@pytest.mark.parametrize("path", ["/v1/hl7v2", "/v1/observations"])
def test_p5_a_gzip_bomb_is_refused_and_never_unpacked(target: RunningServer, path: str) -> None:
    bomb = gzip.compress(b"\0" * (512 * MIB), compresslevel=1)[: MIB // 2]
    media = "application/hl7-v2" if path.endswith("hl7v2") else "application/json"
    with under_attack(target, f"gzip bomb {path}", 32 * MIB), target.client("ehr") as ehr:
        for coding in ("gzip", "deflate, gzip", "br", "zstd"):
            headers = {"Content-Type": media, "Content-Encoding": coding}
            answer = ehr.post(path, content=bomb, headers=headers)
            assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
            assert "Content-Encoding" in answer.text


def test_p5_a_body_of_chunks_without_end_is_cut_off(target: RunningServer) -> None:
    with under_attack(target, "endless chunks", 48 * MIB):
        for _ in range(3):
            with line(target) as one:
                one.sendall(head(target, "/v1/hl7v2", "Transfer-Encoding: chunked"))
                chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
                sent = 0
                with contextlib.suppress(OSError):
                    while sent < 64 * MIB:
                        one.sendall(chunk)
                        sent += len(chunk)
                assert sent < 64 * MIB, "nobody takes this much of a refused body"


@pytest.mark.parametrize(
    ("name", "begin", "drip"),
    [
        ("chunk extensions", b"Transfer-Encoding: chunked\r\n\r\n1;", b"e=" + b"a" * 16_000),
        ("trailers", b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"T: " + b"a" * 16_000),
        ("a header", b"X-Long: ", b"a" * 16_000),
        ("headers", b"", b"X-Many: a\r\n" * 1_000),
    ],
)
def test_p5_what_is_no_body_is_bounded_too(target: RunningServer, name: str, begin: bytes, drip: bytes) -> None:
    with under_attack(target, f"endless {name}", 32 * MIB), line(target) as one:
        one.sendall(head(target, "/v1/hl7v2").removesuffix(b"\r\n") + begin)
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 16 * MIB:
                one.sendall(drip)
                sent += len(drip)
        assert sent < 16 * MIB, "it went on reading"


def test_p5_a_head_too_large_is_told_431_and_the_limit(target: RunningServer) -> None:
    with line(target) as one:
        one.sendall(b"GET /livez HTTP/1.1\r\nX: " + b"a" * 70_000)
        said = told(one)
    assert said.startswith(b"HTTP/1.1 431 "), said
    assert b"65536 bytes" in said


# --- time -------------------------------------------------------------------------------------------------------------


def _dripping(lines: list[socket.socket], piece: bytes, over: threading.Event) -> None:
    while not over.wait(0.2):
        for one in lines:
            with contextlib.suppress(OSError):
                one.send(piece)


@pytest.mark.parametrize(
    ("name", "begin", "piece", "code"),
    [
        ("nothing at all", b"", b"", b"408"),
        ("a head", b"POST /v1/hl7v2 HTTP/1.1\r\nX: ", b"a", b"408"),
        ("empty lines", b"\r\n", b"\r\n", b"408"),
        ("a body", None, b"x", b"408"),
        ("chunks", None, b"1\r\nx\r\n", b"408"),
        ("behind a refusal", b"POST /v1/hl7v2 HTTP/1.1\r\nContent-Length: 9000\r\n\r\n", b"x", b"401"),
    ],
)
def test_p5_a_slow_sender_is_cut_off_and_keeps_nobody_out(
    target: RunningServer, name: str, begin: bytes | None, piece: bytes, code: bytes
) -> None:
    if begin is None:
        framing = "Transfer-Encoding: chunked" if name == "chunks" else "Content-Length: 900000"
        begin = head(target, "/v1/hl7v2", framing)
    over = threading.Event()
    with under_attack(target, f"60 lines dripping {name}", 32 * MIB), contextlib.ExitStack() as stack:
        lines = [stack.enter_context(line(target)) for _ in range(60)]
        for one in lines:
            one.sendall(begin)
        dripper = threading.Thread(target=_dripping, args=(lines, piece, over))
        dripper.start()
        try:
            said = [told(one) for one in lines]
        finally:
            over.set()
            dripper.join()
    # The line that drips while it is refused may lose the answer to a reset, as TCP has it; nobody stays.
    assert {text[9:12] for text in said} <= {code, b""}
    assert any(text[9:12] == code for text in said)


@pytest.mark.parametrize("length", [4, 4_000_000])
def test_an_idle_line_behind_a_refusal_is_told_nothing_and_works_on(target: RunningServer, length: int) -> None:
    """The first is refused by its content, on the short way, the second by its length, before its body has come."""
    with line(target) as one:
        one.sendall(head(target, "/v1/hl7v2", f"Content-Length: {length}"))
        time.sleep(0.2)
        one.sendall(b"what" * (length // 4))
        assert _answer(one)[9:12] == (b"400" if length == 4 else b"413")
        one.settimeout(3)  # twice the time for a head
        with pytest.raises(TimeoutError):
            one.recv(1)
        body = vitals(f"I{unique()}", WELL).encode()
        one.settimeout(30)
        one.sendall(head(target, "/v1/hl7v2", f"Content-Length: {len(body)}") + body)
        assert _answer(one)[9:12] == b"200"


def _answer(one: socket.socket) -> bytes:
    """One whole answer with a Content-Length."""
    said = b""
    while b"\r\n\r\n" not in said:
        piece = one.recv(65_536)
        assert piece, said
        said += piece
    top, _, rest = said.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", top)[1])  # type: ignore[index]
    while len(rest) < length:
        rest += one.recv(65_536)
    return said


def test_p5_a_client_that_never_reads_is_dropped(target: RunningServer) -> None:
    """Ten megabytes are asked for and none is read; after WRITE_TIMEOUT_S the line is gone."""
    patient, now_ms = f"L{unique()}", time.time_ns() // 1_000_000
    rows = [{"code": "8867-4", "value": 72, "unit": "/min", "time": now_ms - n} for n in range(5_000)]
    body = {"patient": {"authority": "HOSP", "identifier": patient}, "observations": rows}
    with target.client("ehr") as ehr, target.client("admin") as admin:
        unit = f"L{unique()}"
        assert ehr.post("/v1/hl7v2", content=admission(patient, unit, "1"), headers=HL7).status_code == 200
        assert ehr.post("/v1/observations", json=body).status_code == 202
        (row,) = until(lambda: admin.get("/v1/patients", params={"unit": unit}).json()["items"])
        path = f"/v1/patients/{row['patient_id']}/observations?limit=5000"
        until(lambda: len(admin.get(path).content) > 600_000)
    ask = f"GET {path} HTTP/1.1\r\nHost: n\r\nAuthorization: Bearer {target.keys['admin']}\r\n\r\n".encode()
    with under_attack(target, "3 clients that never read", 64 * MIB), contextlib.ExitStack() as stack:
        lines = [stack.enter_context(line(target)) for _ in range(3)]
        for one in lines:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            one.sendall(ask * 16)
        ports = {one.getsockname()[1] for one in lines}
        until(lambda: _held(target) >= ports)
        until(lambda: not _held(target) & ports, 60)


def _held(server: RunningServer) -> set[int]:
    """The other ends' ports of all connections the server holds."""
    return {one.raddr.port for one in psutil.Process(server.process.pid).net_connections("tcp") if one.raddr}


def test_p5_requests_waiting_behind_another_on_one_line_are_bounded(target: RunningServer) -> None:
    ask = b"GET /livez HTTP/1.1\r\nHost: n\r\n\r\n"
    with line(target) as one:
        one.sendall(ask * 16 + ask.replace(b"Host", b"Connection: close\r\nHost"))
        assert told(one).count(b"HTTP/1.1 200 ") == 17
    with under_attack(target, "20 lines of 5,000 requests each at once", 48 * MIB), contextlib.ExitStack() as stack:
        lines = [stack.enter_context(line(target)) for _ in range(20)]
        for one in lines:
            with contextlib.suppress(OSError):
                one.sendall(ask * 5_000)
        assert max(told(one).count(b"HTTP/1.1 200 ") for one in lines) < 5_000


def test_p5_connections_beyond_the_limit_are_told_503_and_those_that_stand_go_on(target: RunningServer) -> None:
    with under_attack(target, "300 connections where 100 are allowed", 32 * MIB) as cost:
        with contextlib.ExitStack() as stack:
            lines = [stack.enter_context(line(target)) for _ in range(300)]
            said = [told(one) for one in lines]
        refused = [text for text in said if text.startswith(b"HTTP/1.1 503 ")]
        assert 200 <= len(refused) <= 210
        assert all(b"retry-after: 1" in text.lower() and b"100 connections" in text for text in refused)
        assert {text[9:12] for text in said} == {b"503", b"408"}
        before = len(cost.latencies_s)
        until(lambda: len(cost.latencies_s) > before + 5)


# --- MQTT and consoles ------------------------------------------------------------------------------------------------


def _connect(server: RunningServer, password: bytes, number: int) -> bytes:
    """CONNECT of MQTT 3.1.1, by hand."""

    def text(value: bytes) -> bytes:
        return len(value).to_bytes(2, "big") + value

    rest = text(b"MQTT") + b"\x04\xc2\x00\x3c" + text(b"flood-%d" % number) + text(server.key_id("device").encode())
    rest += text(password)
    size = bytes([len(rest)]) if len(rest) < 128 else bytes([len(rest) & 127 | 128, len(rest) >> 7])
    return b"\x10" + size + rest


def test_p5_a_flood_of_connects_is_refused_one_by_one(target: RunningServer) -> None:
    refused = 0
    with under_attack(target, "3,000 MQTT connects", 32 * MIB) as cost:
        for number in range(3_000):
            with socket.create_connection(("127.0.0.1", target.mqtt_port), timeout=10) as one:
                one.sendall(_connect(target, b"wrong", number))
                refused += told(one)[:4] == b"\x20\x02\x00\x05" or told(one)[:4] == b""
        assert cost.latencies_s
    assert refused >= 0
    assert target.metrics()["nightlamp_receive_mqtt_refused_credentials_total"] >= 3_000


def test_p4_a_poison_payload_over_mqtt_3_1_1_becomes_a_dead_letter_and_its_sender_goes_on(
    target: RunningServer,
) -> None:
    """paho keeps what was not acknowledged and sends it first after each reconnect: nothing behind it would arrive."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="poison", clean_session=False, protocol=paho.MQTTv311)
    client.username_pw_set(target.key_id("device"), target.keys["device"])
    closed: list[object] = []
    client.on_disconnect = lambda *said: closed.append(said)
    client.connect("127.0.0.1", target.mqtt_port)
    client.loop_start()
    with under_attack(target, "poison of 1 MiB and a byte, 8 MiB, 64 MiB", 48 * MIB):
        for size in (MIB + 1, 8 * MIB, 64 * MIB):
            client.publish("nightlamp/v1/W/1/vitals", b"x" * size, qos=1).wait_for_publish(60)
        good = f'{{"patient": {{"identifier": "G{unique()}"}}, "observations": [{{}}]}}'
        client.publish("nightlamp/v1/W/1/vitals", good, qos=1).wait_for_publish(20)
    assert not closed
    client.disconnect()
    client.loop_stop()
    with target.client("admin") as admin:
        ask = {"reason": "too_large"}
        letters = until(lambda: len(i := admin.get("/v1/dead-letters", params=ask).json()["items"]) >= 3 and i)
    assert {one["source"] for one in letters} == {"mqtt_too_large"}
    assert sorted(int(one["detail"].split()[0]) for one in letters) == [MIB + 1, 8 * MIB, 64 * MIB]


def test_p5_consoles_that_do_not_read_cost_no_sender_anything(target: RunningServer) -> None:
    url = target.url.replace("http", "ws") + "/v1/stream"
    headers = {"Authorization": f"Bearer {target.keys['nurse']}"}
    with under_attack(target, "20 consoles that do not read", 64 * MIB) as cost, contextlib.ExitStack() as stack:
        for _ in range(20):
            socket_ = stack.enter_context(connect(url, additional_headers=headers, max_queue=1, close_timeout=0.1))
            socket_.send(json.dumps({"subscribe": {"units": "*", "patients": []}}))
        before = len(cost.latencies_s)
        until(lambda: len(cost.latencies_s) > before + 50, 60)


def test_the_cost_of_an_attack_would_be_seen() -> None:
    """The measure itself: growth is the most, not the last."""
    cost = Cost([0.1, 0.9], [10 * MIB, 90 * MIB, 20 * MIB])
    assert cost.growth_bytes == 80 * MIB
    assert "slowest 900 ms, memory +80.0 MiB" in str(cost)
