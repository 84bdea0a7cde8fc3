"""`POST /v1/hl7v2`: one HL7 v2 message or an FHS/BHS batch; the answer is an HL7 acknowledgement.

Each message is one frame. AA (CA in enhanced mode) leaves only after the journal has the message on disk (P1); a
refused message gets AR (CR) with an ERR that says where and why. The HTTP status is 200 as soon as one message was
accepted, so that nobody sends a batch again for the sake of one message; otherwise it is the status of the first
refusal, or, where the journal did not take what came, why. A copy is answered as the message was; a message whose
MSH-10 came before with other content is AA with an ERR of severity W and code 205: it is kept as a dead letter, and an
AE would only bring it again.
"""

from typing import TYPE_CHECKING

import structlog
from starlette.requests import Request
from starlette.responses import Response

from nightlamp.errors import Problem

from .door import Door, Source, now_us

if TYPE_CHECKING:
    from nightlamp._core import HL7Taken

_log = structlog.get_logger("nightlamp.receive")
PATH = "/v1/hl7v2"
MEDIA_TYPES = frozenset({"application/hl7-v2", "application/hl7-v2+er7", "x-application/hl7-v2+er7", "text/plain"})
ANSWER_TYPE = "application/hl7-v2; charset=utf-8"
DOOR = Source.HL7_HTTP.label
#: What is acknowledged when nothing of a message was read: the answer then names no message.
_UNREAD = b"MSH|^~\\&|||||||ACK|||2.5.1"
#: The core failed at a message.
INTERNAL = Problem(500, "internal", "It may not have been kept.")
#: Refusals only HTTP knows, told in HL7 as the nearest entry of the error table.
_ONLY_HTTP = frozenset({"unsupported_media", "too_slow"})


async def receive(door: Door, request: Request) -> Response:
    """One body in, one acknowledgement out."""
    try:
        principal, charset, payload = await door.admit(request, Source.HL7_HTTP, MEDIA_TYPES)
        taken, late = take(door, payload, charset, principal.id), None
    except Problem as refused:
        return refused_unread(door, refused)
    if taken.last_seq:
        try:
            await door.receipts.durable(taken.last_seq)
        except Problem as raised:
            late = raised
    return response(*settle(door, taken, late))


def take(door: Door, payload: bytes, charset: str, principal: str) -> "HL7Taken":
    """Screen a body and hand it to the journal. Raises a 500 `Problem` where the core fails at it.

    What it took of a batch before is recognised when it is sent again.
    """
    try:
        return door.hl7.take(payload, charset, principal)
    except BaseException as error:  # a panic is no Exception
        _log.error("internal error", route=["v1", "hl7v2"], exc_info=error)
        raise INTERNAL from None


def settle(door: Door, taken: "HL7Taken", late: Problem | None) -> tuple[bytes, Problem | None]:
    """Count a body; (acknowledgement, what decides the status, None for 200).

    `late`: why what was taken is not acknowledged.
    """
    counts, messages, refused = door.counts, taken.messages, taken.refused
    answer = taken.ack(now_us()) if late is None else taken.ack(now_us(), (late.code, late.detail))
    counts.messages[DOOR] += messages
    for code, _, _ in refused:
        counts.refused[code] += 1
    first = Problem(refused[0][1], refused[0][0], refused[0][2]) if refused else None
    left = messages - len(refused)
    if late is not None:
        counts.refused[late.code] += left
        return answer, late
    counts.accepted[DOOR] += left
    return answer, None if left else first


def refused_unread(door: Door, refused: Problem) -> Response:
    """The answer to a body that was not read."""
    door.counts.messages[DOOR] += 1
    door.counts.refused[refused.code] += 1
    code = "malformed" if refused.code in _ONLY_HTTP else refused.code
    (nobody,) = door.decoder.screen_hl7(_UNREAD).messages
    return response(nobody.ack(now_us(), (code, refused.detail)), refused)


def response(acknowledgement: bytes, refused: Problem | None) -> Response:
    """The answer as HTTP."""
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
