"""Upstream's events as the data they hold, and events for a caller. Knows no protocol."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.domain import lenient_json
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams.framing import data_of, ends_in
from gateway.domain.streams.reading import DONE
from gateway.domain.streams.surrogates import Joining
from gateway.domain.translation.reading import UNREADABLE

_encode = msgspec.json.Encoder().encode


class Events:
    """The events of one stream, taken one by one by whoever knows their protocol.

    What is no JSON object is skipped (copilot-upstream.md §6.1). What only strict parsers refuse is
    made into what they take.
    """

    __slots__ = ("_has_skipped", "_has_taken", "_joining")

    def __init__(self) -> None:
        self._joining = Joining()
        self._has_taken = False
        self._has_skipped = False

    def each(self, events: bytes, take: Callable[[bytes], bytes]) -> bytes:
        """What taking the data of each of these comes to.

        take: raises what reading.UNREADABLE names where it cannot read the data, and has then
        changed nothing. Raises GatewayError (UPSTREAM_BAD_ANSWER) for an object of another form.
        """
        written: list[bytes] = []
        for data in data_in(events):
            try:
                if not self._joining.half:
                    written.append(take(data))
                    self._has_taken = True
                    continue
            except RecursionError:
                raise not_understood() from None
            except UNREADABLE:
                pass
            written.append(self._unusual(data, take))
        return b"".join(written)

    def check(self) -> None:
        """Raise GatewayError (UPSTREAM_BAD_ANSWER) if there were events, and none was taken."""
        if self._has_skipped and not self._has_taken:
            raise not_understood()

    def _unusual(self, data: bytes, take: Callable[[bytes], bytes]) -> bytes:
        plain = lenient_json.strict(self._joining.joined(data))
        if plain is None or not plain.startswith(b"{"):
            self._has_skipped = True
            return b""
        try:
            taken = take(plain)
        except UNREADABLE:
            raise not_understood() from None
        self._has_taken = True
        return taken


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


def not_understood() -> GatewayError:
    """The error for an answer that is none of upstream's protocol."""
    return GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer could not be understood.")


_NOTHING = (b"", DONE)
