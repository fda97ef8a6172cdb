"""One request, from the connection to the ledger: read, answer, deliver, note how it ended.

What is answered is endpoints/' business; how the plan is carried out is delivery.py's.
"""

import asyncio
import hashlib
import time

from aiohttp import web

from simulator.endpoints.answering import answer_request, too_large
from simulator.endpoints.question import Request
from simulator.faults.plan import Plan
from simulator.scenario.faults import Endpoint
from simulator.state.ledger import Entry, Outcome
from simulator.state.world import MAIN, World
from simulator.web.connection import left_at
from simulator.web.control import CONTROL_PREFIX, Control
from simulator.web.delivery import deliver


class Handler:
    """What one listener does with a request."""

    def __init__(self, world: World, control: Control, listener: str = MAIN) -> None:
        self._world = world
        self._control = control
        self._listener = listener

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request; the control endpoint's are not in the ledger."""
        path, _, query = request.raw_path.partition("?")
        if path.startswith(CONTROL_PREFIX) and self._listener == MAIN:
            return await self._control.answer(request.method, path, query, await request.read())
        return await self._answer(request, path)

    async def _answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        entry = self._entry(request, path)
        outcome = Outcome.SIMULATOR_ERROR
        ledger = self._world.ledger
        ledger.open(entry)
        try:
            response, outcome = await self._respond(request, path, entry)
            return response
        except (ConnectionError, asyncio.CancelledError):
            outcome = Outcome.CLIENT_LEFT
            raise
        finally:
            closed = time.monotonic()
            if outcome is Outcome.CLIENT_LEFT:
                closed = left_at(request) or closed
            since = time.monotonic() - closed
            ledger.close(entry, outcome, self._world.clock.now() - since, closed)

    async def _respond(
        self, request: web.BaseRequest, path: str, entry: Entry
    ) -> tuple[web.StreamResponse, Outcome]:
        body = await self._read(request)
        plan = too_large(self._world) if body is None else self._plan(request, path, body, entry)
        del body  # thousands of long requests may be answered at once
        return await deliver(request, plan, entry)

    def _plan(self, request: web.BaseRequest, path: str, body: bytes, entry: Entry) -> Plan:
        world = self._world
        entry.body_length = len(body)
        entry.body_sha256 = hashlib.sha256(body).hexdigest()
        if world.scenario.ledger.keep_bodies:
            entry.body = body.decode("utf-8", "replace")
        asked = Request(
            method=request.method,
            path=path,
            headers=request.headers,
            body=body,
            listener=self._listener,
            base_url=f"{request.scheme}://{entry.host}",
            client_ip=request.remote or "127.0.0.1",
        )
        return answer_request(world, asked, entry)

    async def _read(self, request: web.BaseRequest) -> bytes | None:
        """The body; None if it is beyond the limit."""
        limit = self._world.scenario.http.body_limit_bytes
        pieces: list[bytes] = []
        length = 0
        async for piece in request.content.iter_any():
            length += len(piece)
            if length > limit:
                return None
            pieces.append(piece)
        return b"".join(pieces)

    def _entry(self, request: web.BaseRequest, path: str) -> Entry:
        ledger = self._world.ledger
        return Entry(
            sequence=ledger.next_number(),
            time=self._world.clock.now(),
            opened=time.monotonic(),
            endpoint=Endpoint.UNKNOWN.value,
            method=request.method,
            path=request.raw_path,
            listener=self._listener,
            host=request.headers.get("Host", "127.0.0.1"),
            headers=self._world.headers.record(request.headers.items()),
        )
