"""What every chunk of a chat stream says of the answer it belongs to: object, created, id, model.

Upstream leaves some of it out, and strict SDKs choke on that (copilot-upstream.md §6.1).
"""

import msgspec
from msgspec import UNSET, Raw

from gateway.domain.streams.chat_chunks import Chunk, Fields, Scalar

OBJECT = "chat.completion.chunk"
NONE: Fields = {}


class Identity:
    """The four fields, as far as they are known by now."""

    def __init__(self, created: int, model: str) -> None:
        """created (seconds since the epoch) and model stand in until upstream has said its own."""
        self._id: Scalar = f"chatcmpl-{created}"
        self._created: Scalar = created
        self._model: Scalar = model

    def note(self, chunk: Chunk) -> None:
        """Learn what a chunk says."""
        self._created = chunk.created or self._created
        self._id = chunk.id or self._id
        self._model = chunk.model or self._model

    def lacking(self, chunk: Chunk) -> Fields:
        """The fields a chunk does not say, with the values they are to have; mostly none."""
        if chunk.is_named:
            return NONE
        return {name: raw for name, raw in self.fields().items() if not getattr(chunk, name)}

    def fields(self) -> Fields:
        """All four."""
        values = {
            "id": self._id,
            "object": OBJECT,
            "created": self._created,
            "model": self._model,
        }
        return {name: Raw(msgspec.json.encode(value)) for name, value in values.items()}


def are_absent(lacking: Fields, chunk: Chunk) -> bool:
    """Whether the chunk does not have these fields at all, rather than empty ones."""
    return all(getattr(chunk, name) is UNSET for name in lacking)
