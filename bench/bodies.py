"""The requests of the load, as bytes on the wire."""

import json
from pathlib import Path
from typing import Any

from bench.configurations import KEY

PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
TURN_BYTES = 1500
"""Of one turn of a long conversation, as agents have them."""
SENTENCE = "The file was read, it holds what was expected, and the next step is to change it. "


def written(directory: Path, protocol: str, model: str, stream: bool, size: int = 0) -> Path:
    """The file of a request; size: of the body, at least, 0: a short one."""
    path = directory / f"{protocol}-{model}-{'stream' if stream else 'whole'}-{size}"
    if not path.exists():
        path.write_bytes(_request(PATHS[protocol], _body(protocol, model, stream, size)))
    return path


def _request(path: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: load/1\r\nAccept: */*\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(protocol: str, model: str, stream: bool, size: int) -> bytes:
    # What the upstream chooses by stands first.
    body: dict[str, Any] = {"model": f"bench-{model}"}
    if stream:
        body["stream"] = True
    if protocol == "messages":
        body["max_tokens"] = 1000
    elif protocol == "chat" and stream:
        body["stream_options"] = {"include_usage": True}
    turns = _turns(size)
    body["input" if protocol == "responses" else "messages"] = turns
    return json.dumps(body, separators=(",", ":")).encode()


def _turns(size: int) -> list[dict[str, str]]:
    """An agent's conversation, which ends with its user's words."""
    said = (SENTENCE * (TURN_BYTES // len(SENTENCE))).strip()
    turns = []
    for number in range(size // TURN_BYTES):
        role = "assistant" if number % 2 else "user"
        turns.append({"role": role, "content": f'Step {number}: "{said}"\n\tdone'})
    turns.append({"role": "user", "content": "Say something short about \u201cthis\u201d."})
    return turns
