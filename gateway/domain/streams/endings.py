"""What the gateway itself writes into a stream, in the caller's protocol: pings, and an error end.

An error event is the last thing a caller gets: no `[DONE]` and no terminal event follows it, so
that a stream which failed never looks complete.
"""

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


def error_event(
    protocol: Protocol,
    *,
    message: str,
    type: str,
    code: str | None,
    param: str | None,
    request_id: str,
    details: str | None = None,
    sequence_number: int = 0,
) -> bytes:
    """The event that ends a stream with an error. sequence_number: of a Responses event."""
    if protocol is Protocol.RESPONSES:
        error: dict[str, Any] = {"type": "error", "code": code, "message": message}
        error |= {"param": param, "sequence_number": sequence_number}
        return b"event: error\ndata: " + msgspec.json.encode(error) + b"\n\n"
    body = error_body(
        protocol,
        message=message,
        type=type,
        code=code,
        param=param,
        request_id=request_id,
        details=details,
    )
    name = b"event: error\n" if protocol is Protocol.MESSAGES else b""
    return name + b"data: " + body + b"\n\n"


def error_body(
    protocol: Protocol,
    *,
    message: str,
    type: str,
    code: str | None,
    param: str | None,
    request_id: str,
    details: str | None = None,
) -> bytes:
    """The body of an answer that is an error (design §7).

    Anthropic's shape has no place for code and param, OpenAI's none for request_id. details: a
    word that Anthropic's SDK acts on beside the type.
    """
    if protocol is Protocol.MESSAGES:
        error: dict[str, Any] = {"type": type, "message": message}
        if details is not None:
            error["details"] = {"error_code": details}
        return msgspec.json.encode({"type": "error", "error": error, "request_id": request_id})
    error = {"message": message, "type": type, "param": param, "code": code}
    return msgspec.json.encode({"error": error})
