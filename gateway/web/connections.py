"""Callers' connections: how old each is, when it is to end, and what a broken request is answered.

A load balancer spreads connections, not requests: without an end, old connections keep old
replicas busy and new ones idle. The age differs by up to a tenth, so that connections made at
one moment do not end at one moment.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.ports import Clock
from runtime.logs import fields

log = logging.getLogger("gateway")

SPREAD = 0.1
STEPS = 100
CLOSE: Mapping[str, str] = {"Connection": "close"}
STAY: Mapping[str, str] = {}


class Connections:
    """All connections of the callers' port."""

    def __init__(self, clock: Clock, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._ends: dict[object, float] = {}
        self._number = 0
        self.is_draining = False

    def opened(self, protocol: object) -> None:
        """A caller has connected."""
        self._number = (self._number + 1) % STEPS
        spread = 1 - SPREAD * self._number / STEPS
        self._ends[protocol] = self._clock.monotonic() + self._max_age_seconds * spread

    def closed(self, protocol: object) -> None:
        """The connection is gone."""
        self._ends.pop(protocol, None)

    def closing_headers(self, request: web.BaseRequest) -> Mapping[str, str]:
        """`Connection: close` while draining, and on a connection that is old enough."""
        if self.is_draining:
            return CLOSE
        end = self._ends.get(request.protocol)
        return CLOSE if end is not None and self._clock.monotonic() >= end else STAY


Refuse = Callable[[web.BaseRequest, bool], web.Response]
"""Answers what is no request; True where the failure is ours."""
SERVER_ERROR = 500


class FrontHandler(RequestHandler):
    """One connection. aiohttp's own words for what it cannot read quote it: keys and content."""

    __slots__ = ("_refuse",)

    def __init__(self, refuse: Refuse, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refuse = refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what never reaches our handler, or breaks out of it."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer had begun")
        return self._refuse(request, status >= SERVER_ERROR)

    def log_exception(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; the exception's kind is said, and nothing it quotes."""
        error = options.get("exc_info")
        log.error("the HTTP server failed", extra=fields(kind=type(error).__name__))

    def log_debug(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; may quote what was sent."""


class FrontServer(web.Server):
    """aiohttp's server, which tells `connections` who comes and goes."""

    def __init__(
        self, connections: Connections, refuse: Refuse, *arguments: Any, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._callers = connections
        self._refuse = refuse

    def __call__(self) -> RequestHandler:
        """A handler for a new connection; called by asyncio."""
        return FrontHandler(self._refuse, self, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: RequestHandler, transport: Any) -> None:
        """Called by aiohttp."""
        super().connection_made(handler, transport)
        self._callers.opened(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Called by aiohttp."""
        super().connection_lost(handler, exc)
        self._callers.closed(handler)
