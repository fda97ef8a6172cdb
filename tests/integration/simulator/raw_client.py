"""An HTTP client that hides nothing: the bytes as they come, read by read, and how they end."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 10.0
CHAT: Mapping[str, Any] = {
    "model": "gpt-4o",
    "stream": True,
    "messages": [{"role": "user", "content": "grün 🦊"}],
}
HEADERS = {"Authorization": "Bearer gho_simulated_octocat", "Host": "127.0.0.1"}


@dataclass
class Heard:
    """What came: each read, and the end: `fin`, `reset` or `complete` (by HTTP's count)."""

    end: str = ""
    reads: list[bytes] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return b"".join(self.reads)

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def chunks(self) -> list[bytes]:
        """The data of each HTTP chunk: one for each write of the server."""
        rest = self.raw.partition(b"\r\n\r\n")[2]
        found = []
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            found.append(rest[: int(size, 16)])
            rest = rest[int(size, 16) + 2 :]
        return found

    @property
    def body(self) -> bytes:
        if "transfer-encoding: chunked" in self.head:
            return b"".join(self.chunks)
        return self.raw.partition(b"\r\n\r\n")[2]


def connect(port: int, body: Mapping[str, Any] = CHAT, **headers: str) -> socket.socket:
    """A connection on which a chat request was sent."""
    raw = json.dumps(body).encode()
    named = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"{name}: {value}" for name, value in named.items()]
    head = "\r\n".join(
        ["POST /chat/completions HTTP/1.1", f"Content-Length: {len(raw)}", *lines, "", ""]
    )
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
    connection.sendall(head.encode() + raw)
    return connection


def listen(connection: socket.socket, enough: bytes | None = None) -> Heard:
    """Read until the answer is complete, the connection ends, or `enough` was heard."""
    heard = Heard()
    while True:
        try:
            data = connection.recv(65536)
        except ConnectionResetError:
            heard.end = "reset"
            return heard
        if not data:
            heard.end = "fin"
            return heard
        heard.reads.append(data)
        if _is_complete(heard):
            heard.end = "complete"
            return heard
        if enough is not None and enough in heard.raw:
            return heard


def chat(port: int, body: Mapping[str, Any] = CHAT, **headers: str) -> Heard:
    """One chat request, heard to its end."""
    with connect(port, body, **headers) as connection:
        return listen(connection)


def _is_complete(heard: Heard) -> bool:
    head, separator, rest = heard.raw.partition(b"\r\n\r\n")
    if not separator:
        return False
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return len(rest) >= int(value)
    return heard.raw.endswith(b"\r\n0\r\n\r\n")
