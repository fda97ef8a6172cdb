"""Upstream's events as the data they hold, and events for a caller. Knows no protocol."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams.framing import data_of, ends_in

_encode = msgspec.json.Encoder().encode


def data_in(events: bytes) -> Iterator[bytes]:
    """What each whole event says; those that say nothing are left out."""
    start = 0
    for end in ends_in(events):
        data = data_of(events[start:end])
        start = end
        if data and data.strip():
            yield data


def event(fields: dict[str, Any]) -> bytes:
    """An event without a name, as chat writes them."""
    return b"data: " + _encode(fields) + b"\n\n"


def named(fields: dict[str, Any]) -> bytes:
    """An event that is named as its type."""
    return b"event: " + str(fields["type"]).encode() + b"\n" + event(fields)


def not_understood() -> GatewayError:
    """The error for an answer that is none of upstream's protocol."""
    return GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer could not be understood.")
