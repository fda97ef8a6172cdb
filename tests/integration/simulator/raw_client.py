"""An HTTP client that hides nothing: the bytes as they come, read by read, and how they end."""

import json
import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_SECONDS = 10.0
LONGEST_HEAD = 4096
CHAT: Mapping[str, Any] = {
    "model": "gpt-4o",
    "stream": True,
    "messages": [{"role": "user", "content": "grün 🦊"}],
}
RESPONSES: Mapping[str, Any] = {"model": "gpt-5-mini", "stream": True, "input": "grün 🦊"}
MESSAGES: Mapping[str, Any] = {**CHAT, "model": "claude-sonnet-4.6", "max_tokens": 1000}
PATHS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "chat": ("/chat/completions", CHAT),
    "responses": ("/responses", RESPONSES),
    "messages": ("/v1/messages", MESSAGES),
}
HEADERS = {"Authorization": "Bearer gho_simulated_octocat", "Host": "127.0.0.1"}


@dataclass
class Heard:
    """What came, and the end: `fin`, `reset` or `complete` (by HTTP's count)."""

    end: str = ""
    raw: bytearray = field(default_factory=bytearray)

    @property
    def head(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    @property
    def chunks(self) -> list[bytes]:
        """The data of each HTTP chunk: one for each write of the server."""
        found, place = [], self.raw.find(b"\r\n\r\n") + 4
        while place < len(self.raw):
            start = self.raw.index(b"\r\n", place) + 2
            end = start + int(self.raw[place:start], 16)
            found.append(bytes(self.raw[start:end]))
            place = end + 2
        return found

    @property
    def body(self) -> bytes:
        if "transfer-encoding: chunked" in self.head:
            return b"".join(self.chunks)
        return bytes(self.raw.partition(b"\r\n\r\n")[2])


def connect(
    port: int,
    body: Mapping[str, Any] = CHAT,
    path: str = "/chat/completions",
    *,
    tls: ssl.SSLContext | None = None,
    headers: Mapping[str, str] | None = None,
) -> socket.socket:
    """A connection on which a request was sent."""
    raw = json.dumps(body).encode()
    named = {
        **HEADERS,
        **{name.replace("_", "-"): value for name, value in (headers or {}).items()},
    }
    lines = [f"{name}: {value}" for name, value in named.items()]
    head = "\r\n".join([f"POST {path} HTTP/1.1", f"Content-Length: {len(raw)}", *lines, "", ""])
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS)
    if tls is not None:
        connection = tls.wrap_socket(connection, server_hostname="127.0.0.1")
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
        heard.raw += data
        if _is_complete(heard):
            heard.end = "complete"
            return heard
        if enough is not None and enough in heard.raw:
            return heard


def chat(port: int, body: Mapping[str, Any] = CHAT, **headers: str) -> Heard:
    """One chat request, heard to its end."""
    with connect(port, body, headers=headers) as connection:
        return listen(connection)


def ask(port: int, protocol: str, **fields: Any) -> Heard:
    """One request in a protocol of PATHS, heard to its end; fields: of its body."""
    path, body = PATHS[protocol]
    with connect(port, {**body, **fields}, path) as connection:
        return listen(connection)


def _is_complete(heard: Heard) -> bool:
    if heard.raw.endswith(b"\r\n0\r\n\r\n"):
        return True
    length = re.search(rb"\r\ncontent-length: (\d+)\r\n", heard.raw[:LONGEST_HEAD], re.IGNORECASE)
    end = heard.raw.find(b"\r\n\r\n")
    return length is not None and end >= 0 and len(heard.raw) - end - 4 >= int(length[1])
