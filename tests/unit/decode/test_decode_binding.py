"""What the HTTP doors rely on: screening, answers, the tables, and that bad bytes are answered and never raise."""

import json

import pytest

from nightlamp._core import Decoder, catalogue, error_codes, scan_hl7

NOON_US = 1_772_368_200_000_000
"""2026-03-01T12:30:00Z."""

ORU = (
    b"MSH|^~\\&|MON|WARD|NL|HOSP|20260301123000||ORU^R01|M1|P|2.5.1\rPID|1||123^^^HOSP^MR\r"
    b"OBX|1|NM|8867-4^HR^LN||80|/min|||||F|||20260301122900\r"
    b"OBX|2|NM|9279-1^RR^LN||16|furlong|||||F|||20260301122900\r"
)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(json.dumps({"site_key": "5a" * 32, "timezone": "Europe/Berlin"}))


def test_settings_that_do_not_hold_are_named() -> None:
    for config, named in [
        (b'{"timezone": "Mars/Olympus"}', "timezone"),
        (b'{"site_key": "secret"}', "site_key"),
        (b'{"codes": [{"code": "x", "signal": "Nope"}]}', "Nope"),
        (b'{"other": 1}', "other"),
    ]:
        with pytest.raises(ValueError, match=named) as caught:
            Decoder(config)
        assert "secret" not in str(caught.value)


def test_an_accepted_message_is_answered_aa_with_its_warnings(decoder: Decoder) -> None:
    screening = decoder.screen_hl7(ORU, "", NOON_US)
    assert (screening.batch, screening.refusal, len(screening.messages)) == (False, None, 1)
    message = screening.messages[0]
    assert message.refusal is None
    assert [(warning.code, warning.location) for warning in message.warnings] == [("unknown_unit", "OBX^2^6")]
    answer = screening.ack(NOON_US)
    assert b"\rMSA|AA|M1\r" in answer
    assert b"|103^unknown_unit^HL70357|W|" in answer
    assert answer == screening.ack(NOON_US, [None])


def test_a_refusal_of_the_journal_is_answered_ar(decoder: Decoder) -> None:
    answer = decoder.screen_hl7(ORU).ack(NOON_US, [("journal_full", "")])
    assert b"\rMSA|AR|M1\r" in answer
    with pytest.raises(ValueError, match="no code"):
        decoder.screen_hl7(ORU).ack(NOON_US, [("no_such_code", "")])
    with pytest.raises(ValueError, match="one entry"):
        decoder.screen_hl7(ORU).ack(NOON_US, [])


def test_a_batch_is_cut_and_answered_as_one(decoder: Decoder) -> None:
    other = ORU.replace(b"ORU^R01|M1", b"SIU^S12|M2")
    screening = decoder.screen_hl7(b"BHS|^~\\&\r" + ORU + other + b"BTS|2\r", "", NOON_US)
    assert screening.batch
    refusals = [message.refusal for message in screening.messages]
    assert refusals[0] is None
    assert refusals[1] is not None
    assert (refusals[1].code, refusals[1].http_status, refusals[1].hl7_code) == ("unsupported_type", 422, 200)
    answer = screening.ack(NOON_US)
    assert answer.startswith(b"BHS|")
    assert answer.endswith(b"\rBTS|2\r")
    assert b"MSA|AA|M1" in answer
    assert b"MSA|AR|M2" in answer


@pytest.mark.parametrize("payload", [b"", b"\x00", b"MSH|", b"\xff\xfe", b"{}", b"x" * ((1 << 20) + 1), ORU[:40]])
def test_bad_bytes_are_answered_and_never_raise(decoder: Decoder, payload: bytes) -> None:
    screening = decoder.screen_hl7(payload, "", NOON_US)
    refusal = screening.refusal or screening.messages[0].refusal
    assert refusal is not None
    assert refusal.code in {"malformed", "too_large", "missing_field"}
    assert b"\rMSA|AR" in screening.ack(NOON_US)
    assert decoder.screen_json(payload).refusal is not None


def test_a_message_in_another_set_is_refused_by_name(decoder: Decoder) -> None:
    refusal = decoder.screen_hl7(ORU, "x-unknown").messages[0].refusal
    assert refusal is not None
    assert (refusal.code, refusal.http_status) == ("unsupported_charset", 415)


def test_json_is_screened_by_observation(decoder: Decoder) -> None:
    rows = [{"code": "HR", "value": 80, "unit": "/min"}, {"code": "HR", "value": 999, "unit": "/min"}]
    body = {"bed": {"unit": "ICU", "bed": "7"}, "time": "2026-03-01T12:29:00Z", "observations": rows}
    screening = decoder.screen_json(json.dumps(body).encode(), NOON_US)
    assert screening.refusal is None
    assert screening.observations == 2
    assert [(index, code) for index, code, _ in screening.rejected] == [(1, "implausible")]


def test_decoding_gives_plain_values(decoder: Decoder) -> None:
    out = decoder.decode(1, "", NOON_US, ORU)
    assert [(event["signal"], event["value"], event["status"]) for event in out["events"]] == [("HR", 80.0, "final")]
    # 12:29 in Berlin is 11:29Z.
    assert out["events"][0]["observed_at_us"] == NOON_US - 61 * 60_000_000
    assert [row["code"] for row in out["rejected"]] == ["unknown_unit"]
    assert decoder.decode_batch([ORU, b"junk"], received_at_us=NOON_US) == [(1, 1, 0), (0, 1, 0)]
    with pytest.raises(ValueError, match="source"):
        decoder.decode(99, "", 0, b"")


def test_the_tables_are_whole() -> None:
    signals = catalogue()
    assert [row["number"] for row in signals] == list(range(53))
    assert len({row["name"] for row in signals}) == 53
    codes = error_codes()
    assert len({row["name"] for row in codes}) == len(codes) > 25
    assert all(400 <= row["http"] < 600 and row["ack"] in {"AE", "AR"} for row in codes)


def test_leaves_carry_their_place() -> None:
    leaves = scan_hl7(ORU)
    assert ("PID", 1, 3, 1, 4, 1, "HOSP") in leaves
    assert ("MSH", 0, 9, 1, 2, 1, "R01") in leaves
    with pytest.raises(ValueError, match="malformed"):
        scan_hl7(b"junk")
