"""What a client may say: one JSON object of at most 16 KiB.

{"subscribe": {"units": ["ICU-1"] or "*", "patients": ["0f1e..."]}, "resume": "308740098" or null, "stream": "..."}
"""

from typing import Annotated, Literal

import msgspec

from nightlamp.publish.client import Subscription
from nightlamp.publish.limits import PublishLimits

Name = Annotated[str, msgspec.Meta(max_length=200)]
Cursor = Annotated[str, msgspec.Meta(pattern="^[0-9]{1,20}$")]


class Invalid(Exception):
    """A client's message cannot be acted on: the close code and a reason of at most 123 bytes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason.encode()[:123].decode(errors="ignore")


class _Choice(msgspec.Struct, forbid_unknown_fields=True):
    units: list[Name] | Literal["*"] = []
    patients: list[Name] = []


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    subscribe: _Choice
    resume: Cursor | None = None
    stream: Name | None = None


class Subscribe(msgspec.Struct, frozen=True):
    """A client's subscription, checked."""

    subscription: Subscription
    resume: int | None
    stream: str | None


def parse(text: str, limits: PublishLimits) -> Subscribe:
    """A client's message; Invalid where it is not one."""
    if len(text) > limits.client_message_bytes_max:
        raise Invalid(1009, "the message is too large")
    try:
        message = msgspec.json.decode(text.encode(errors="replace"), type=_Message)
    except msgspec.MsgspecError as error:
        raise Invalid(1008, f"not understood: {error}") from None
    choice = message.subscribe
    units = [] if choice.units == "*" else choice.units
    if len(units) + len(choice.patients) > limits.subscription_names_max:
        raise Invalid(1008, f"at most {limits.subscription_names_max} names in one subscription")
    wanted = Subscription(choice.units == "*", frozenset(units), frozenset(choice.patients))
    return Subscribe(wanted, None if message.resume is None else int(message.resume), message.stream)
