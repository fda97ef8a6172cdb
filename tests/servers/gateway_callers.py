"""Callers of the gateway at the level of bytes: what each one got, and whether that was all of it.

A client of its own: a library would repair, retry or hide what these tests look for. One request
a connection; where connections have to live on, the test uses a library's.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from tests.servers.chat_streams import told

CHAT = "/v1/chat/completions"
MODEL = "gpt-4o-mini"
PATIENCE_SECONDS = 60.0
READ_BYTES = 256 * 1024


def question(said: str, *, stream: bool = False, model: str = MODEL, **more: Any) -> dict[str, Any]:
    """A chat request whose one message says this."""
    messages = [{"role": "user", "content": said}]
    return {"model": model, "stream": stream, "messages": messages, **more}


def answer_to(said: str, model: str = MODEL) -> str:
    """What the simulator says to it (docs/simulator.md)."""
    return f"This is a simulated answer from {model}. You said: {said}"


@dataclass(frozen=True)
class Reply:
    """All that came back on a connection. status 0: not even a status line.

    is_whole: whether the body ended where HTTP says that it ends.
    """

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes = field(repr=False)
    is_whole: bool
    seconds: float

    @property
    def fault(self) -> str:
        """Whose fault it was: `x-gateway-error`, empty without one."""
        return self.headers.get("x-gateway-error", "")

    @property
    def retry_after(self) -> float | None:
        """The header's seconds."""
        text = self.headers.get("retry-after")
        return float(text) if text is not None else None

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Call:
    """One request under way. Leaving the block in whatever state closes the connection."""

    def __init__(
        self,
        url: str,
        key: str,
        body: Mapping[str, Any],
        *,
        path: str = CHAT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._address = urlsplit(url)
        self._request = _request(self._address.netloc, path, key, body, headers or {})
        self._received = bytearray()
        self._began = time.monotonic()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        self._began = time.monotonic()
        self._reader, self._writer = await asyncio.open_connection(
            self._address.hostname, self._address.port, limit=READ_BYTES
        )
        self._writer.write(self._request)
        return self

    async def __aexit__(self, *exception: object) -> None:
        self.vanish()

    def vanish(self) -> None:
        """Be gone at once, as a killed process is."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def read_more(self) -> bool:
        """Wait for some more bytes; False when none will come."""
        assert self._reader is not None
        try:
            piece = await self._reader.read(READ_BYTES)
        except ConnectionError:
            piece = b""
        self._received += piece
        return bool(piece)

    async def read_until(self, enough: int) -> bool:
        """Wait until the body has so many bytes; False when it ended before."""
        while len(self.so_far().body) < enough:
            if not await self.read_more():
                return False
        return True

    async def read_all(self) -> Reply:
        """Everything up to the end of the connection."""
        while await self.read_more():
            pass
        return self.so_far()

    def so_far(self) -> Reply:
        """What has come until now."""
        return _reply(bytes(self._received), time.monotonic() - self._began)


async def ask(
    url: str,
    key: str,
    body: Mapping[str, Any],
    *,
    path: str = CHAT,
    headers: Mapping[str, str] | None = None,
    patience: float = PATIENCE_SECONDS,
) -> Reply:
    """One request and all of its answer. Raises TimeoutError when that takes too long."""
    async with asyncio.timeout(patience):
        try:
            async with Call(url, key, body, path=path, headers=headers) as call:
                return await call.read_all()
        except ConnectionError:
            return Reply(0, {}, b"", False, 0.0)


def _request(
    host: str, path: str, key: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> bytes:
    content = json.dumps(body, ensure_ascii=False).encode()
    lines = [
        f"POST {path} HTTP/1.1",
        f"Host: {host}",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(content)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _reply(received: bytes, seconds: float) -> Reply:
    head, separator, rest = received.partition(b"\r\n\r\n")
    if not separator:
        return Reply(0, {}, b"", False, seconds)
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    body, is_whole = _body(headers, rest)
    return Reply(int(status_line.split(" ")[1]), headers, body, is_whole, seconds)


def _body(headers: Mapping[str, str], rest: bytes) -> tuple[bytes, bool]:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _dechunked(rest)
    length = headers.get("content-length")
    # Without either the body ends with the connection, which any breaking off would look like.
    return rest, length is not None and len(rest) == int(length)


def _dechunked(rest: bytes) -> tuple[bytes, bool]:
    body, at = bytearray(), 0
    while (end := rest.find(b"\r\n", at)) >= 0:
        size = int(rest[at:end].split(b";")[0], 16)
        start = end + 2
        if size == 0:
            return bytes(body), rest[start:] == b"\r\n"
        body += rest[start : start + size]
        at = start + size + 2
        if len(rest) < at:
            break
    return bytes(body), False


def whole_text(reply: Reply) -> str:
    """The text of a whole chat answer."""
    content = reply.json()["choices"][0]["message"]["content"]
    assert isinstance(content, str)
    return content


def is_complete(reply: Reply, expected: str) -> bool:
    """Whether a chat answer, whole or streamed, is all there and says just this."""
    if reply.status != 200 or not reply.is_whole:
        return False
    if reply.headers["content-type"].startswith("application/json"):
        return whole_text(reply) == expected
    said = told(reply.body)
    assert said.error is not None or said.is_done, "it ended with neither an error nor [DONE]"
    return said.is_done and said.text == expected
