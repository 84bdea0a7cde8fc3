"""`POST /v1/observations`: device JSON, one object or many. 202 once the journal has the body on disk (P1).

Observations that cannot be used are named in the answer and become dead letters. A copy is answered as the first was,
with its `seq`; what came under the id of another body is rejected whole (`duplicate_conflict`) and a dead letter.
"""

import hashlib
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from nightlamp.errors import Problem

from .door import Door, Source, now_us, problem

PATH = "/v1/observations"
MEDIA_TYPES = frozenset({"application/json"})
DOOR = Source.JSON_HTTP.label
#: Rejected observations named in one answer; `rejected_total` counts them all.
REJECTED_SHOWN_MAX = 100
#: Longest Idempotency-Key, bytes.
KEY_BYTES_MAX = 255


async def receive(door: Door, request: Request) -> Response:
    """One body in, one answer out."""
    door.counts.messages[DOOR] += 1
    try:
        principal, charset, payload = await door.admit(request, Source.JSON_HTTP, MEDIA_TYPES)
        if charset.lower() not in {"", "utf-8", "utf8"}:
            raise Problem(415, "unsupported_charset", "JSON is UTF-8.")
        key, received_at_us = _idempotency_key(request), now_us()
        screened = door.decoder.screen_json(payload, received_at_us, principal.id, key, door.deliveries)
        if screened.refusal is not None:
            raise problem(screened.refusal)
        seq = door.submit(Source.JSON_HTTP, principal, key, payload)
        if screened.message_id is not None:
            door.deliveries.note(screened.message_id, seq, received_at_us)
        await door.receipts.durable(seq)
    except Problem as refused:
        door.counts.refused[refused.code] += 1
        return refused.response()
    door.counts.accepted[DOOR] += 1
    rejected = screened.rejected
    answer = {
        "seq": screened.first_seq or seq,
        "accepted": screened.observations - len(rejected),
        "rejected_total": len(rejected),
        "rejected": [
            {"index": index, "code": code, "detail": detail} for index, code, detail in rejected[:REJECTED_SHOWN_MAX]
        ],
    }
    return Response(orjson.dumps(answer), 202, media_type="application/json")


def _idempotency_key(request: Request) -> str:
    """What stands for the request's Idempotency-Key, or an empty text.

    Only a hash of it is kept: a sender may have put anything into it (P6). Raises a 400 `Problem`.
    """
    key = request.headers.get("idempotency-key", "").strip().strip('"')
    if len(key) > KEY_BYTES_MAX or not (key.isascii() and key.isprintable()):
        raise Problem(400, "malformed", f"Idempotency-Key: at most {KEY_BYTES_MAX} printable ASCII characters.")
    return hashlib.sha256(key.encode()).hexdigest()[:32] if key else ""


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required}


_TEXT = {"type": "string"}
_TIME = {
    "description": "RFC 3339 with offset, or whole milliseconds since 1970-01-01 UTC.",
    "type": ["string", "integer"],
}
_OBSERVATION = _object(
    {
        "code": {**_TEXT, "description": "LOINC, an MDC number or reference id, or a signal's name."},
        "system": {**_TEXT, "description": "As in OBX-3.3, or `nightlamp`; told by the code's form where absent."},
        "value": {"type": ["number", "string", "boolean"]},
        "unit": {**_TEXT, "description": "UCUM or MDC. No unit, no value."},
        "time": _TIME,
        "status": {**_TEXT, "description": "A letter of OBX-11, or final, preliminary, corrected, withdrawn."},
    },
    ["code", "value"],
)
_BODY = _object(
    {
        "id": {**_TEXT, "description": "The device's own message id: a redelivery is recognised by it and `device`."},
        "device": {**_TEXT, "description": "Serial number."},
        "patient": _object({"authority": _TEXT, "identifier": _TEXT}, ["identifier"]),
        "bed": _object({"unit": _TEXT, "bed": _TEXT}, ["unit", "bed"]),
        "time": _TIME,
        "observations": {"type": "array", "minItems": 1, "items": _OBSERVATION},
    },
    ["observations"],
)
_REJECTED = _object({"index": {"type": "integer"}, "code": _TEXT, "detail": _TEXT}, ["index", "code", "detail"])
_ANSWER = _object(
    {
        "seq": {"type": "integer", "description": "Number in the journal of the frame that brought this body first."},
        "accepted": {"type": "integer"},
        "rejected_total": {"type": "integer"},
        "rejected": {"type": "array", "maxItems": REJECTED_SHOWN_MAX, "items": _REJECTED},
    },
    ["seq", "accepted", "rejected_total", "rejected"],
)
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
OPENAPI = {
    "tags": ["receive"],
    "operationId": "post_observations",
    "summary": "Observations of a device, as JSON",
    "description": "Answers 202 only once the body is on disk. `rejected` names what could not be used and becomes "
    "dead letters. Whom an observation is about: `patient`, else who lies in `bed`. A copy gets the answer of the "
    "first and is stored once: known by `id` and `device` of every object, else by the Idempotency-Key, else by its "
    "bytes. The same id or key with other bytes is rejected whole (`duplicate_conflict`) and kept as a dead letter.",
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "Names the request where its objects carry no ids.",
            "schema": {"type": "string", "maxLength": KEY_BYTES_MAX},
        }
    ],
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [_BODY, {"type": "array", "items": _BODY}]}}},
    },
    "responses": {
        "202": {"description": "On disk.", "content": {"application/json": {"schema": _ANSWER}}},
        "400": {"description": "Not this shape; the detail names field and expectation.", "content": _PROBLEM},
        "401": {"description": "No valid key.", "content": _PROBLEM},
        "403": {"description": "The key is not for this door.", "content": _PROBLEM},
        "408": {"description": "The body came too slowly.", "content": _PROBLEM},
        "413": {"description": "Too large, or too many observations.", "content": _PROBLEM},
        "415": {"description": "Not application/json in UTF-8, or compressed.", "content": _PROBLEM},
        "422": {"description": "A required field is missing.", "content": _PROBLEM},
        "503": {"description": "Overloaded, see Retry-After.", "content": _PROBLEM},
        "507": {"description": "The journal is full.", "content": _PROBLEM},
    },
}
