"""The ORU R01 of eight observations that every decoder is given: 1.5 kB, escapes, repeated identifiers, three code
systems.
"""

HEAD = (
    "MSH|^~\\&|MONITOR_GATEWAY^00A037^EUI-64|NORTH HOSPITAL|NIGHTLAMP|NORTH HOSPITAL|20260301123000.123+0000||"
    "ORU^R01^ORU_R01|MSGID20260301123000123|P|2.6|||NE|AL||UNICODE UTF-8|||"
    "IHE_PCD_001^IHE PCD^1.3.6.1.4.1.19376.1.6.1.1.1^ISO\r"
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
VALUES = [84.0, 96.0, 18.0, 37.4, 121.0, 74.0, 89.7, 9.4]
MESSAGE = HEAD + "".join(
    f"OBX|{at + 1}|NM|{row}|N|||R|||202603011229{40 + at}+0000||||MON7^GW\r" for at, row in enumerate(ROWS)
)
#: 2026-03-01T12:30:00Z, when it was received.
NOON_US = 1_772_368_200_000_000
