"""Errors inside an answer whose status is 200 (§7.2, "Mid-stream"): each dialect's own form."""

from collections.abc import Sequence
from typing import Any

import msgspec

from simulator.wire.answer import Dialect, Event, encode

# What Anthropic calls an error: its own words are written as they are, these in its, and all
# others as `api_error`.
ANTHROPIC_KINDS = {
    "model_overloaded": "overloaded_error",
    "overloaded_error": "overloaded_error",
    "rate_limit_error": "rate_limit_error",
}
ANTHROPIC_KIND = "api_error"
FAILED = "response.failed"


def error_event(
    dialect: Dialect | None, code: str, message: str, *, as_failed: bool, before: Sequence[Event]
) -> Event:
    """The event that tells of an error and ends a stream; before: those that were sent."""
    if dialect is Dialect.MESSAGES:
        return Event(encode(_anthropic(code, message)), "error")
    if dialect is not Dialect.RESPONSES:
        return Event(encode({"error": {"code": code, "message": message}}))
    number = len(before)
    if as_failed and before:
        failed = _failed(_response_of(before[0]), code, message)
        event = {"type": FAILED, "sequence_number": number, "response": failed}
        return Event(encode(event), FAILED)
    error = {"type": "error", "sequence_number": number, "code": code, "message": message}
    return Event(encode({**error, "param": None}), "error")


def error_body(dialect: Dialect | None, code: str, message: str, plain: bytes) -> bytes:
    """A whole body that is an error; plain: the body that it takes the place of."""
    if dialect is Dialect.MESSAGES:
        return encode(_anthropic(code, message))
    if dialect is not Dialect.RESPONSES:
        return encode({"error": {"code": code, "message": message}})
    return encode(_failed(msgspec.json.decode(plain), code, message))


def _anthropic(code: str, message: str) -> dict[str, Any]:
    kind = ANTHROPIC_KINDS.get(code, ANTHROPIC_KIND)
    return {"type": "error", "error": {"type": kind, "message": message}}


def _response_of(event: Event) -> dict[str, Any]:
    """The response object that a stream begins with, if a fault has left it there."""
    response = msgspec.json.decode(event.data).get("response")
    return response if isinstance(response, dict) else {}


def _failed(response: dict[str, Any], code: str, message: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"output": [], "usage": None}
    error = {"code": code, "message": message}
    kept = {name: value for name, value in response.items() if name != "copilot_usage"}
    return {**kept, **nothing, "status": "failed", "error": error}
