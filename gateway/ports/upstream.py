"""The way to a platform's API: one request, and an answer that may still be arriving.

Whoever implements it translates foreign errors into GatewayError.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from math import inf
from typing import Protocol

import msgspec

from gateway.domain.errors import GatewayError


class UpstreamRequest(msgspec.Struct, frozen=True, gc=False):
    """One request to send upstream."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def __repr__(self) -> str:
        """No header, and nothing that was said."""
        return f"UpstreamRequest({self.method!r}, {self.url!r})"


class Sink(Protocol):
    """Takes a body as it arrives, inside the event loop's callback: no task runs in between."""

    def write(self, data: bytes) -> None:
        """More of the body, never empty. Waits for nothing and raises nothing."""

    def finish(self, error: GatewayError | None) -> None:
        """There is no more: the body has ended, or has broken off with this error (UPSTREAM_*)."""


class UpstreamReply(Protocol):
    """An answer whose status and headers are there; its body may still be arriving.

    Its body is taken in one of three ways: `chunks`, `read`, or `pour`, which may follow `chunks`.
    """

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises GatewayError (UPSTREAM_*) when it breaks off."""

    async def read(self, limit: int, idle_seconds: float = inf) -> bytes:
        """The whole body. Raises GatewayError when it breaks off, is longer than `limit`, or
        nothing more of it comes for so long (UPSTREAM_IDLE)."""

    def pour(self, sink: Sink) -> None:
        """Give what is left of the body to the sink, what has come at once and the rest as it
        arrives. May be said again."""

    def pause(self) -> None:
        """The sink is behind: read nothing for now. What one read had brought may still come."""

    def resume(self) -> None:
        """The sink has caught up."""

    def close(self) -> None:
        """Nobody listens any more; ends the request unless its answer has ended."""


class Upstream(Protocol):
    """The way to a platform's API."""

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        """Send and wait for the headers of the answer; whoever has the reply closes it.

        Raises GatewayError (UPSTREAM_*). Being cancelled closes the connection at once.
        """

    def send(self, request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamReply]:
        """The same as a context, which closes the reply."""
