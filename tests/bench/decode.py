"""decode beside python-hl7 and hl7apy: the ORU of eight observations of core_rs/benches/decode.rs, one thread, one run.

Run it: python -m tests.bench.decode. nightlamp decodes to typed, converted, validated observations; python-hl7 splits
into fields; hl7apy parses by the standard's structure. The Rust peers stand in `cargo bench --bench decode`.
"""

import logging
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version

import hl7
import hl7apy.parser

from nightlamp._core import Decoder

ROUNDS = 7
HEAD = (
    "MSH|^~\\&|MONITOR_GATEWAY^00A037^EUI-64|NORTH HOSPITAL|NIGHTLAMP|NORTH HOSPITAL|20260301123000.123+0000||"
    "ORU^R01^ORU_R01|MSGID20260301123000123|P|2.6|||NE|AL||UNICODE UTF-8\r"
    "PID|1||4711008^^^NORTH&1.2.276.0.76.3&ISO^MR~999888^^^REGION^PI||Muster^Eva^M\\T\\K^^^^L||19600504|F\r"
    "PV1|1|I|ICU 3^0248^07^NORTH HOSPITAL||||||||||||||||V20260228-77\r"
    "OBR|1|ORD77^GW|FIL77^GW|182777000^monitoring of patient^SCT|||20260301122955+0000|20260301123000+0000\r"
)
ROWS = [
    "147842^MDC_ECG_HEART_RATE^MDC|1.1.1.1|84|264864^MDC_DIM_BEAT_PER_MIN^MDC|60-100",
    "150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1.1|96|262688^MDC_DIM_PERCENT^MDC|94-100",
    "151562^MDC_RESP_RATE^MDC|1.3.1.1|18|264928^MDC_DIM_RESP_PER_MIN^MDC|12-20",
    "8310-5^Body temperature^LN|1.4.1.1|37.4|Cel^degree Celsius^UCUM|36.1-38.0",
    "8480-6^Systolic blood pressure^LN|1.5.1.1|121|mm[Hg]^millimetre of mercury^UCUM|111-219",
    "8462-4^Diastolic blood pressure^LN|1.5.1.2|74|mm[Hg]^millimetre of mercury^UCUM|",
    "8478-0^Mean blood pressure^LN|1.5.1.3|89.7|mm[Hg]^millimetre of mercury^UCUM|",
    "6690-2^Leukocytes^LN|1.6.1.1|9.4|10\\S\\3/uL^thousand per microlitre^UCUM|4.0-11.0",
]
MESSAGE = HEAD + "".join(
    f"OBX|{at + 1}|NM|{row}|N|||R|||202603011229{40 + at}+0000||||MON7^GW\r" for at, row in enumerate(ROWS)
)


def microseconds(work: Callable[[], object], calls: int) -> float:
    """Median over rounds of one call's time, microseconds."""
    work()
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(calls):
            work()
        rounds.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(rounds)


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    decoder = Decoder(b'{"site_key": "%s"}' % (b"07" * 32))
    batch = [MESSAGE.encode()] * 1_000
    ours = microseconds(lambda: decoder.decode_batch(batch), 10) / len(batch)
    split = microseconds(lambda: hl7.parse(MESSAGE), 200)
    structured = microseconds(lambda: hl7apy.parser.parse_message(MESSAGE, find_groups=False), 5)
    print(f"decode: ORU R01, 8 OBX, {len(MESSAGE)} bytes")
    print(f"  nightlamp   {ours:>10.2f} us  {len(MESSAGE) / ours / 1e3:.2f} GB/s, from Python in batches of 1,000")
    print(f"  python-hl7  {split:>10.1f} us  {split / ours:8.0f} x  ({version('hl7')})")
    print(f"  hl7apy      {structured:>10.1f} us  {structured / ours:8.0f} x  ({version('hl7apy')})")


if __name__ == "__main__":
    main()
