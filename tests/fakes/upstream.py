"""Answers of an upstream that is not there: pieces of a body that come at once."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf

from gateway.domain.errors import GatewayError
from gateway.ports.upstream import Sink, UpstreamReply, UpstreamRequest


@dataclass
class FakeReply:
    """One answer; a piece that is an error breaks it off."""

    status: int = 200
    pieces: tuple[bytes | GatewayError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False
    _taken: int = 0

    async def chunks(self) -> AsyncIterator[bytes]:
        while self._taken < len(self.pieces):
            piece = self.pieces[self._taken]
            self._taken += 1
            if isinstance(piece, GatewayError):
                raise piece
            yield piece

    async def read(self, limit: int, idle_seconds: float = inf) -> bytes:
        return b"".join([piece async for piece in self.chunks()])[:limit]

    def pour(self, sink: Sink) -> None:
        while self._taken < len(self.pieces):
            piece = self.pieces[self._taken]
            self._taken += 1
            if isinstance(piece, GatewayError):
                sink.finish(piece)
                return
            sink.write(piece)
        sink.finish(None)

    def pause(self) -> None:
        return

    def resume(self) -> None:
        return

    def close(self) -> None:
        self.closed = True


class FakeUpstream:
    """What all fakes of the port have in common: `send` is `open` as a context."""

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        raise NotImplementedError

    @asynccontextmanager
    async def send(self, request: UpstreamRequest) -> AsyncIterator[UpstreamReply]:
        reply = await self.open(request)
        try:
            yield reply
        finally:
            reply.close()
