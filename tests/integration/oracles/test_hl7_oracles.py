"""Every message of the corpus is decoded or refused with a reason, and what is read is what python-hl7 and hl7apy read.

Where the parsers differ, the difference belongs to a category explained in docs/decode.md; any other fails.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from zlib import crc32

import hl7
import pytest
from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_segment

from nightlamp._core import Decoder, catalogue, error_codes, scan_hl7

from .corpus import CORPUS, OPEN_CONFIG, RECEIVED_AT_US, Sample, samples, screened

pytestmark = pytest.mark.skipif(
    not CORPUS.is_dir(), reason=f"no HL7 corpus at {CORPUS}; set NIGHTLAMP_SHARED to the folder that holds data/hl7v2"
)

Place = tuple[str, int, int, int, int, int]
"""Segment, occurrence from 1, field, repetition, component, subcomponent."""

PLACES = {
    "PID": [(3, 1), (3, 4), (3, 5), (5, 1), (5, 2), (7, 1), (8, 1)],
    "PV1": [(2, 1), (3, 1), (3, 2), (3, 3), (19, 1), (44, 1)],
    "EVN": [(2, 1), (6, 1)],
    "MRG": [(1, 1), (1, 4), (1, 5)],
    "OBR": [(4, 1), (7, 1)],
    "OBX": [(2, 1), (3, 1), (3, 2), (3, 3), (5, 1), (5, 2), (6, 1), (11, 1), (14, 1)],
}
"""What nightlamp reads of a message, field and component."""


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    return Decoder(OPEN_CONFIG)


@pytest.fixture(scope="module")
def corpus(decoder: Decoder) -> list[Sample]:
    return samples(decoder)


def leaves(sample: Sample) -> dict[Place, str]:
    """What nightlamp's scanner reads, by segment occurrence."""
    found: dict[Place, str] = {}
    line_of: dict[str, dict[int, int]] = defaultdict(dict)
    for segment, line, field, repetition, component, subcomponent, text in scan_hl7(sample.message.payload):
        occurrence = line_of[segment].setdefault(line, len(line_of[segment]) + 1)
        found[segment, occurrence, field, repetition, component, subcomponent] = text
    return found


def decoded(decoder: Decoder, corpus: list[Sample]) -> Iterator[tuple[Sample, dict]]:
    for sample in corpus:
        if sample.message.refusal is None:
            yield sample, decoder.decode(1, "", RECEIVED_AT_US, sample.message.payload)


def test_every_message_is_decoded_or_refused_with_a_reason(decoder: Decoder, corpus: list[Sample]) -> None:
    codes = {row["name"] for row in error_codes()}
    refused: Counter[str] = Counter()
    for _, screening in screened(decoder):
        for refusal in [screening.refusal, *(message.refusal for message in screening.messages)]:
            if refusal is not None:
                assert refusal.code in codes
                assert refusal.detail
                refused[refusal.code] += 1
    taken = sum(sample.message.refusal is None for sample in corpus)
    assert len(corpus) > 1_900
    assert taken > 1_700
    assert set(refused) <= {
        "malformed", "missing_field", "unsupported_type", "unsupported_event", "unsupported_version", "too_large",
        "unsupported_charset", "processing_id",
    }  # fmt: skip


def test_events_rejections_and_skips_add_up_to_the_rows(decoder: Decoder, corpus: list[Sample]) -> None:
    observations = 0
    for sample, out in decoded(decoder, corpus):
        rows = len(re.findall(r"^OBX", sample.text.replace("\r", "\n"), re.MULTILINE))
        header = sample.text.split("\r")[0].split(sample.text[3])
        if header[8].startswith("ORU"):
            assert len(out["events"]) + len(out["rejected"]) + out["skipped"] == rows, sample.file
            observations += len(out["events"])
        else:
            # An A40 is an event a pair of PID and MRG, any other ADT one.
            pairs = (
                len(re.findall(r"^PID", sample.text.replace("\r", "\n"), re.MULTILINE)) if "^A40" in header[8] else 1
            )
            assert [event["type"] for event in out["events"]] == ["encounter"] * pairs or out["rejected"], sample.file
    assert observations > 300


def test_what_is_read_is_what_python_hl7_reads(corpus: list[Sample]) -> None:
    differences: Counter[str] = Counter()
    compared = 0
    seen: set[str] = set()
    for sample in corpus:
        if sample.message.refusal is not None:
            continue
        message = hl7.parse(sample.text)
        ours = leaves(sample)
        for segment, places in PLACES.items():
            rows = message.segments(segment) if f"\r{segment}" in sample.text else []
            for occurrence, row in enumerate(rows, 1):
                if str(row) in seen:
                    continue
                seen.add(str(row))
                for field, component in places:
                    mine = ours.get((segment, occurrence, field, 1, component, 1), "")
                    theirs = extract(row, field, component)
                    compared += 1
                    if mine != theirs:
                        differences[explain_python_hl7(sample, mine, theirs)] += 1
    assert compared > 50_000
    assert set(differences) <= EXPLAINED, differences


def extract(row: hl7.Segment, field: int, component: int) -> str:
    try:
        return str(row.extract_field(1, field, 1, component, 1) or "")
    except (LookupError, AttributeError):
        return ""


EXPLAINED = {"layout escapes", "character set"}
"""The categories of docs/decode.md."""


def explain_python_hl7(sample: Sample, mine: str, theirs: str) -> str:
    if "\ufffd" in theirs:
        return "character set"
    if re.search(r"\\[.HNXZCM]", sample.text) and mine != theirs:
        return "layout escapes"
    return f"unexplained in {sample.file}: {mine!r} is not {theirs!r}"


def test_what_is_read_is_what_hl7apy_reads(corpus: list[Sample]) -> None:
    seen: set[str] = set()
    differences: Counter[str] = Counter()
    compared = 0
    for sample in corpus:
        if sample.message.refusal is not None or not sample.text.startswith("MSH|^~\\&|"):
            continue
        ours = leaves(sample)
        occurrences: Counter[str] = Counter()
        for line in sample.text.split("\r"):
            segment = line[:3]
            occurrences[segment] += 1
            # hl7apy takes 5 to 10 ms a segment: one in twenty, and each only once.
            if segment not in ("PID", "PV1", "OBX") or line in seen or crc32(line.encode()) % 20:
                continue
            seen.add(line)
            try:
                parsed = parse_segment(line, version="2.5.1")
            except HL7apyException:
                differences["hl7apy refuses the segment"] += 1
                continue
            for field in {field for field, _ in PLACES[segment]}:
                theirs = [
                    text
                    for repetition in parsed.children.get(f"{segment}_{field}".upper()) or []
                    for text in re.split(r"[\^&~]", repetition.to_er7())
                    if text
                ]
                mine = [
                    text for place, text in sorted(ours.items()) if place[:3] == (segment, occurrences[segment], field)
                ]
                compared += 1
                if mine != [unescape(text) for text in theirs]:
                    differences[explain_hl7apy(sample, mine, theirs)] += 1
    assert compared > 500
    assert set(differences) <= EXPLAINED | {"hl7apy refuses the segment"}, differences


def unescape(text: str) -> str:
    """As python-hl7 does, which stumbles over an escape that is never closed."""
    try:
        return str(hl7.parse("MSH|^~\\&|\r").unescape(text))
    except IndexError:
        return text


def explain_hl7apy(sample: Sample, mine: list[str], theirs: list[str]) -> str:
    if any("\ufffd" in text for text in theirs):
        return "character set"
    if any("\\" in text for text in theirs):
        return "layout escapes"
    return f"unexplained in {sample.file}: {mine!r} is not {theirs!r}"


def test_observations_carry_the_number_their_row_says(decoder: Decoder, corpus: list[Sample]) -> None:
    signals = {row["name"]: row for row in catalogue()}
    unchanged = converted = 0
    for sample, out in decoded(decoder, corpus):
        message = hl7.parse(sample.text) if out["events"] else None
        for event in out["events"]:
            if event["type"] != "observation":
                continue
            assert message is not None
            row = message.segments("OBX")[event["ordinal"]]
            signal = signals[event["signal"]]
            said = {extract(row, 3, component) for component in (1, 2, 4)}
            known = {*signal["loinc"], *signal["snomed"], *(code for pair in signal["mdc"] for code in pair)}
            assert said & known, sample.file
            number = extract(row, 5, 2 if extract(row, 2, 1) == "SN" else 1)
            if event["status"] == "withdrawn" or signal["kind"] == "coded":
                continue
            if extract(row, 6, 1) == signal["unit"]:
                assert event["value"] == float(number), sample.file
                unchanged += 1
            else:
                converted += 1
            assert signal["low"] <= event["value"] <= signal["high"]
    assert unchanged >= 7
    assert converted > 300


def test_encounters_carry_the_patient_and_bed_their_message_says(decoder: Decoder, corpus: list[Sample]) -> None:
    encounters = beds = 0
    for sample, out in decoded(decoder, corpus):
        for event in out["events"]:
            if event["type"] != "encounter":
                continue
            message = hl7.parse(sample.text)
            pids = message.segments("PID")
            pid = pids[event["ordinal"] if event["kind"] == "merge" else 0]
            assert event["identifier"] in {str(repetition[0]) for repetition in pid[3]}, sample.file
            assert event["family"] == extract(pid, 5, 1)
            if len(pids) > 1:
                continue
            pv1 = message.segment("PV1") if "\rPV1" in sample.text else None
            place = [extract(pv1, 3, n) if pv1 else "" for n in (1, 2, 3)]
            place = ["" if part == '""' else part.strip() for part in place]
            unit, bed = place[0], place[2] or place[1]
            assert event["bed"] == ((unit, bed) if unit and bed else None), sample.file
            encounters += 1
            beds += event["bed"] is not None
    assert encounters > 300
    assert beds > 300
