"""The events of a Responses stream, one item after the other.

Responses may tell of several items at once; Anthropic's clients are used to a block that begins,
grows and ends before the next one begins. What belongs to a later item waits until the one that is
being told is done.
"""

from collections.abc import Iterator

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_responses.answer import Item, Response
from gateway.domain.translation.reading import Body

DONE = "response.output_item.done"
MAX_WAITING_BYTES = 8 * 1024 * 1024
"""More than this of items whose turn it is not is no answer that a model gives."""


class Event(Body, frozen=True):
    """An event; which fields it has depends on its type."""

    type: str
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: str = ""
    item: Item | None = None
    response: Response | None = None
    copilot_usage: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class ItemOrder:
    """Hands out the events of one item at a time."""

    def __init__(self) -> None:
        self._turn: int | None = None
        self._waiting: dict[int, list[tuple[Event, int]]] = {}
        self._bytes = 0

    def take(self, event: Event, size: int) -> Iterator[Event]:
        """The events whose turn it is, now that this one of so many bytes has come.

        Raises GatewayError (UPSTREAM_BAD_ANSWER) when too much waits.
        """
        if self._turn is None:
            self._turn = event.output_index
        if event.output_index != self._turn:
            self._wait(event, size)
            return
        yield event
        while event.type == DONE:
            self._turn = min(self._waiting, default=None)
            waited = self._release()
            yield from waited
            event = waited[-1] if waited else _NOTHING

    def rest(self) -> Iterator[Event]:
        """All that still waits, item by item."""
        while self._waiting:
            self._turn = min(self._waiting)
            yield from self._release()

    def _wait(self, event: Event, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_WAITING_BYTES:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream sent too much at once.")
        self._waiting.setdefault(event.output_index, []).append((event, size))

    def _release(self) -> list[Event]:
        """What has waited of the item whose turn it is."""
        waited = [] if self._turn is None else self._waiting.pop(self._turn, [])
        self._bytes -= sum(size for _, size in waited)
        return [event for event, _ in waited]


_NOTHING = Event("")
