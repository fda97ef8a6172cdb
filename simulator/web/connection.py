"""A caller's connection that remembers when its caller left: the handler hears of it later."""

import time
from typing import Any

from aiohttp import web


class Connection(web.RequestHandler):
    """What aiohttp makes of a connection, with the time of its end (monotonic)."""

    __slots__ = ("left_at",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.left_at: float | None = None

    def eof_received(self) -> None:
        """The caller closed it."""
        self.left_at = self.left_at or time.monotonic()
        super().eof_received()

    def connection_lost(self, error: BaseException | None) -> None:
        """It is gone, with or without a word."""
        self.left_at = self.left_at or time.monotonic()
        super().connection_lost(error)


def left_at(request: web.BaseRequest) -> float | None:
    """When the caller left (monotonic); None while it is there."""
    protocol = request.protocol
    return protocol.left_at if isinstance(protocol, Connection) else None
