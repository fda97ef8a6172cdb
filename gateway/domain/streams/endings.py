"""What the gateway itself writes into a stream, in the caller's protocol: pings, and an error end.

An error event is the last thing a caller gets: no `[DONE]` and no terminal event follows it, so
that a stream which failed never looks complete.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.domain.protocols import Protocol

# Codex and the OpenAI SDKs know no ping event, Anthropic's clients wait for theirs (§6.7).
_PINGS = {
    Protocol.CHAT: b": keepalive\n\n",
    Protocol.RESPONSES: b": keepalive\n\n",
    Protocol.MESSAGES: b'event: ping\ndata: {"type": "ping"}\n\n',
}


def ping(protocol: Protocol) -> bytes:
    """Says that the answer is still being waited for."""
    return _PINGS[protocol]


@dataclass(frozen=True, slots=True)
class ErrorWords:
    """What an error says.

    Anthropic's shape has no place for code and param, OpenAI's none for request_id. details: a
    word that Anthropic's SDK acts on beside the type.
    """

    message: str
    type: str
    code: str | None
    param: str | None
    request_id: str
    details: str | None = None


def error_event(protocol: Protocol, words: ErrorWords, sequence_number: int = 0) -> bytes:
    """The event that ends a stream with an error. sequence_number: of a Responses event."""
    if protocol is Protocol.RESPONSES:
        error: dict[str, Any] = {"type": "error", "code": words.code, "message": words.message}
        error |= {"param": words.param, "sequence_number": sequence_number}
        return b"event: error\ndata: " + msgspec.json.encode(error) + b"\n\n"
    name = b"event: error\n" if protocol is Protocol.MESSAGES else b""
    return name + b"data: " + error_body(protocol, words) + b"\n\n"


def error_body(protocol: Protocol, words: ErrorWords) -> bytes:
    """The body of an answer that is an error (design §7)."""
    if protocol is Protocol.MESSAGES:
        error: dict[str, Any] = {"type": words.type, "message": words.message}
        if words.details is not None:
            error["details"] = {"error_code": words.details}
        document = {"type": "error", "error": error, "request_id": words.request_id}
        return msgspec.json.encode(document)
    error = {"message": words.message, "type": words.type}
    return msgspec.json.encode({"error": {**error, "param": words.param, "code": words.code}})
