"""Upstream's own words for a failure, in whichever shape it wrote them (copilot-upstream.md §7.1).

Understands; what a failure means for the caller is decided elsewhere.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.domain import lenient_json
from gateway.domain.lenient_json import UNREADABLE

MAX_MESSAGE_CHARACTERS = 1_000
MAX_WORD_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class StreamFailure:
    """An error that came where an answer was due. Each word is empty where upstream said none."""

    code: str
    """Without what stands behind a colon."""
    type: str
    message: str = field(repr=False)
    """Bounded."""


def failure_in(data: bytes) -> StreamFailure | None:
    """The failure that a JSON document reports; None when it reports none.

    Taken for one: `{"error": {…}}` and `{"error": "…"}`, the same inside `response` (§6.4), and the
    flat `{"type": "error", …}` and `{"code", "message"}`.
    """
    # Most of what is asked about reports none, and need not be read to see that.
    if b'error"' not in data and b'message"' not in data and b"\\" not in data:
        return None
    try:
        document = msgspec.json.decode(data)
    except UNREADABLE:
        document = lenient_json.read(data)
    return _read(document) if isinstance(document, dict) else None


def failure_of(data: bytes) -> StreamFailure:
    """The failure of an event that says it is one, however little more it says."""
    return failure_in(data) or StreamFailure("", "", "")


def _read(document: dict[str, Any]) -> StreamFailure | None:
    error = document.get("error")
    response = document.get("response")
    if error is None and isinstance(response, dict):
        error = response.get("error")
    if isinstance(error, str):
        return _failure({"message": error})
    if isinstance(error, dict):
        return _failure(error)
    if document.get("type") == "error":
        return _failure({**document, "type": ""})
    is_flat = isinstance(document.get("message"), str) and "code" in document
    return _failure(document) if is_flat else None


def _failure(fields: dict[str, Any]) -> StreamFailure:
    return StreamFailure(
        code=_word(fields.get("code")).partition(":")[0],
        type=_word(fields.get("type")),
        message=_text(fields.get("message"))[:MAX_MESSAGE_CHARACTERS],
    )


def _word(value: object) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return (str(value) if is_number else _text(value))[:MAX_WORD_CHARACTERS]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
