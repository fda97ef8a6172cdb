"""Upstream's events as the data they hold, and events for a caller. Knows no protocol."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.domain.streams.framing import data_of, ends_in
from gateway.domain.streams.reading import DONE
from gateway.domain.streams.taking import Taking

_encode = msgspec.json.Encoder().encode


class Events(Taking):
    """The events of one stream, as upstream wrote them."""

    __slots__ = ()

    def each(self, events: bytes, take: Callable[[bytes], bytes]) -> bytes:
        """What taking the data of each of these comes to. See `one`."""
        return b"".join([self.one(data, take) or b"" for data in data_in(events)])


def data_in(events: bytes) -> Iterator[bytes]:
    """What each whole event says; those that say nothing are left out, and so is `[DONE]`."""
    start = 0
    for end in ends_in(events):
        data = data_of(events[start:end])
        start = end
        if data and data.strip() not in _NOTHING:
            yield data


def event(fields: dict[str, Any]) -> bytes:
    """An event without a name, as chat writes them."""
    return b"data: " + _encode(fields) + b"\n\n"


def named(fields: dict[str, Any]) -> bytes:
    """An event that is named as its type."""
    return b"event: " + str(fields["type"]).encode() + b"\n" + event(fields)


_NOTHING = (b"", DONE)
