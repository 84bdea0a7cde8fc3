"""`POST /v1/hl7v2`: one HL7 v2 message or an FHS/BHS batch; the answer is an HL7 acknowledgement.

Each message is one frame. AA (CA in enhanced mode) leaves only after the journal has the message on disk (P1); a
refused message gets AR (CR) with an ERR that says where and why. The HTTP status is 200 as soon as one message was
accepted, so that nobody sends a batch again for the sake of one message; otherwise it is the status of the first
refusal. A copy is answered as the message was; a message whose MSH-10 came before with other content is AA with an
ERR of severity W and code 205: it is kept as a dead letter, and an AE would only bring it again.
"""

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from nightlamp.errors import Problem
from nightlamp.identity.roles import Principal

from .door import Door, Source, now_us, problem

if TYPE_CHECKING:
    from nightlamp._core import HL7Screening

PATH = "/v1/hl7v2"
MEDIA_TYPES = frozenset({"application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain"})
ANSWER_TYPE = "application/hl7-v2; charset=utf-8"
DOOR = Source.HL7_HTTP.label
#: What is acknowledged when nothing of a message was read: the answer then names no message.
_UNREAD = b"MSH|^~\\&|||||||ACK|||2.5.1"
#: Refusals only HTTP knows, told in HL7 as the nearest entry of the error table.
_ONLY_HTTP = frozenset({"unsupported_media", "too_slow"})


async def receive(door: Door, request: Request) -> Response:
    """One body in, one acknowledgement out."""
    try:
        principal, charset, payload = await door.admit(request, Source.HL7_HTTP, MEDIA_TYPES)
    except Problem as refused:
        door.counts.messages[DOOR] += 1
        return _refused_unread(door, refused)
    received_at_us = now_us()
    screened = door.decoder.screen_hl7(payload, charset, received_at_us, principal.id, door.deliveries)
    if screened.refusal is not None:
        uncut = problem(screened.refusal)
        door.counts.messages[DOOR] += 1
        door.counts.refused[uncut.code] += 1
        return _answer(screened.ack(now_us()), uncut)
    return await _journal(door, screened, principal, charset, received_at_us)


async def _journal(
    door: Door, screened: "HL7Screening", principal: Principal, charset: str, received_at_us: int
) -> Response:
    """Submit what was not refused, wait for the disk once, acknowledge each."""
    counts, last_seq = door.counts, 0
    problems: list[Problem | None] = []
    for message in screened.messages:
        refused = problem(message.refusal) if message.refusal is not None else None
        if refused is None:
            try:
                last_seq = door.submit(Source.HL7_HTTP, principal, charset, message.payload)
                if message.message_id is not None:
                    door.deliveries.note(message.message_id, last_seq, received_at_us)
            except Problem as raised:
                refused = raised
        problems.append(refused)
    if last_seq:
        try:
            await door.receipts.durable(last_seq)
        except Problem as raised:
            problems = [refused or raised for refused in problems]
    counts.messages[DOOR] += len(problems)
    for refused in problems:
        if refused is None:
            counts.accepted[DOOR] += 1
        else:
            counts.refused[refused.code] += 1
    # What screening refused it also explains, with its place; only what came after must be told.
    later = [
        (refused.code, refused.detail) if refused is not None and message.refusal is None else None
        for refused, message in zip(problems, screened.messages, strict=True)
    ]
    all_refused = None not in problems and problems
    return _answer(screened.ack(now_us(), later), problems[0] if all_refused else None)


def _refused_unread(door: Door, refused: Problem) -> Response:
    door.counts.refused[refused.code] += 1
    code = "malformed" if refused.code in _ONLY_HTTP else refused.code
    (nobody,) = door.decoder.screen_hl7(_UNREAD).messages
    return _answer(nobody.ack(now_us(), (code, refused.detail)), refused)


def _answer(acknowledgement: bytes, refused: Problem | None) -> Response:
    if refused is None:
        return Response(acknowledgement, 200, media_type=ANSWER_TYPE)
    return Response(acknowledgement, refused.status, refused.headers, ANSWER_TYPE)


_ACK = {"application/hl7-v2": {"schema": {"type": "string"}}}
OPENAPI = {
    "tags": ["receive"],
    "operationId": "post_hl7v2",
    "summary": "HL7 v2.3 to 2.8: one message, or an FHS/BHS batch",
    "description": (
        "Reads ADT A01, A02, A03, A04, A08 and ORU R01. Answers 200 with AA (CA in enhanced mode) only once the "
        "message is on disk; observations that cannot be used are told as ERR with severity W and become dead letters. "
        "A copy of a message (MSH-3, MSH-4 and MSH-10, whatever its MSH-7) is answered as the first was, stored once; "
        "the same MSH-10 with other content is a dead letter, told as ERR with severity W and code 205. "
        "A batch is answered by a batch of acknowledgements: 200 if any message was accepted, else the status of the "
        "first refusal."
    ),
    "requestBody": {
        "required": True,
        "content": {media_type: {"schema": {"type": "string"}} for media_type in sorted(MEDIA_TYPES)},
    },
    "responses": {
        "200": {"description": "AA or CA: on disk.", "content": _ACK},
        "400": {"description": "AR: not HL7 v2.", "content": _ACK},
        "401": {"description": "AR: no valid key.", "content": _ACK},
        "403": {"description": "AR: the key is not for this door.", "content": _ACK},
        "408": {"description": "AR: the body came too slowly.", "content": _ACK},
        "413": {"description": "AR: too large, or too many segments or messages.", "content": _ACK},
        "415": {"description": "AR: wrong media type, content coding or character set.", "content": _ACK},
        "422": {"description": "AR: a version, type, event or processing id not read here.", "content": _ACK},
        "503": {"description": "AR: overloaded, see Retry-After; nothing may have been kept.", "content": _ACK},
        "507": {"description": "AR: the journal is full.", "content": _ACK},
    },
}
