"""Keeps the ids of a Responses stream stable (copilot-upstream.md §6.4).

Copilot encrypts every id anew for each event, so that one item has as many ids as events; clients
that look an item up by the id they saw first find nothing. Here an id seen first stays: one for
the response, and one for each output_index.

Why the first, when the done item is what callers replay: a stream cannot wait for its last id,
clients key on the first, and an id that changes at the end is the very fault. All ids of an item
are reported to be encryptions of the same one, with which upstream compares what is inside
`encrypted_content` (made-up ids are refused, the first one is replayed by clients in wide use).
The first therefore goes with the done item's encrypted_content, which is left as it is. The
terminal event seals that anew as well, and gets the done item's: whoever replays from there and
whoever replays the done item send the same pair.
"""

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.errors import Fault, GatewayError

ITEM_DONE = "response.output_item.done"
MAX_ITEMS = 4096
MAX_SEALED_BYTES = 16 * 1024 * 1024
"""More encrypted content than this is not remembered; a long answer has some hundred kilobytes."""

Fields = dict[str, Raw]
Id = str | UnsetType | None


class Item(Struct, frozen=True):
    """An output item, as far as it concerns ids."""

    id: Id = UNSET
    encrypted_content: Raw | UnsetType = UNSET


class Response(Struct, frozen=True):
    """The response that an event shows as it is by then."""

    id: Id = UNSET
    output: list[Item] | None = None


class Event(Struct, frozen=True):
    """An event, as far as it concerns ids."""

    type: str = ""
    output_index: int | None = None
    item_id: Id = UNSET
    item: Item | None = None
    response: Response | None = None


_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[Fields]).decode
_encode = msgspec.json.Encoder().encode


class StableIds:
    """The ids of one response as they were seen first, and what upstream sealed for its items."""

    def __init__(self) -> None:
        self._response: str | None = None
        self._items: dict[int, str] = {}
        self._sealed: dict[int, Raw] = {}
        self._sealed_bytes = 0

    def changes(self, data: bytes, seen: Event) -> Fields:
        """The fields of an event that have to be others than they are; mostly none.

        Raises GatewayError: too many items.
        """
        changes: Fields = {}
        if seen.output_index is not None:
            item_id = self._item_id(seen.output_index, seen.item_id)
            if item_id is not None:
                changes["item_id"] = item_id
            if seen.item is not None:
                self._change_item(data, seen, seen.output_index, changes)
        if seen.response is not None:
            self._change_response(data, seen.response, changes)
        return changes

    def _change_item(self, data: bytes, seen: Event, index: int, changes: Fields) -> None:
        item = seen.item or Item()
        if seen.type == ITEM_DONE:
            self._remember(index, item.encrypted_content)
        item_id = self._item_id(index, item.id)
        if item_id is not None:
            fields = _decode_fields(_decode_fields(data)["item"])
            changes["item"] = Raw(_encode({**fields, "id": item_id}))

    def _change_response(self, data: bytes, response: Response, changes: Fields) -> None:
        inner: Fields = {}
        if isinstance(response.id, str):
            self._response = self._response or response.id
            if self._response != response.id:
                inner["id"] = Raw(_encode(self._response))
        outputs = [
            self._output_changes(index, item) for index, item in enumerate(response.output or ())
        ]
        if not (inner or any(outputs)):
            return
        fields = _decode_fields(_decode_fields(data)["response"])
        if any(outputs):
            items = _decode_list(fields["output"])
            changed = [{**item, **new} for item, new in zip(items, outputs, strict=True)]
            inner["output"] = Raw(_encode(changed))
        changes["response"] = Raw(_encode({**fields, **inner}))

    def _output_changes(self, index: int, item: Item) -> Fields:
        changes: Fields = {}
        item_id = self._item_id(index, item.id)
        if item_id is not None:
            changes["id"] = item_id
        sealed = self._sealed.get(index)
        if sealed is not None and item.encrypted_content not in (UNSET, sealed):
            changes["encrypted_content"] = sealed
        return changes

    def _item_id(self, index: int, seen: Id) -> Raw | None:
        """The id to write instead of the one seen; None where that is right."""
        if not isinstance(seen, str):
            return None
        known = self._items.get(index)
        if known is None:
            if len(self._items) >= MAX_ITEMS:
                raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream sent too many items.")
            self._items[index] = seen
        return None if known is None or known == seen else Raw(_encode(known))

    def _remember(self, index: int, sealed: Raw | UnsetType) -> None:
        if isinstance(sealed, UnsetType):
            return
        self._sealed_bytes += len(bytes(sealed))
        if self._sealed_bytes <= MAX_SEALED_BYTES:
            self._sealed[index] = sealed.copy()


def changed(data: bytes, changes: Fields) -> bytes:
    """An event's data with these fields."""
    return _encode({**_decode_fields(data), **changes})
