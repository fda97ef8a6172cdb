"""grpc.health.v1: answers and announces whether the service serves, and lets no watch hold its end.

grpc_health's own servicer keeps each Watch open until its caller goes, and a server that stops
waits for every call that is open.
"""

import asyncio
from collections.abc import Collection
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

Answer = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """The health of these names, which is one: that of the process. Serving until `end`."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = frozenset(names)
        self._ending = asyncio.Event()
        self._closing = asyncio.Event()

    def end(self) -> None:
        """Say NOT_SERVING from now on, to those who watch as well."""
        self._ending.set()

    def close(self) -> None:
        """End the watches, each when it has been told.

        Not with `end`: who watches comes again at once, as long as the server takes calls.
        """
        self._ending.set()
        self._closing.set()

    async def Check(self, request: Any, context: Any) -> Any:
        """The health now."""
        if request.service not in self._names:
            await context.abort(grpc.StatusCode.NOT_FOUND)
        return Answer(status=self._status_of(request.service))

    async def Watch(self, request: Any, context: Any) -> None:
        """The health now, and again when it turns."""
        told = None
        for change in (self._ending, self._closing):
            status = self._status_of(request.service)
            if status != told:
                await context.write(Answer(status=status))
            told = status
            await change.wait()

    def _status_of(self, name: str) -> int:
        if name not in self._names:
            return int(Answer.SERVICE_UNKNOWN)
        return int(Answer.NOT_SERVING if self._ending.is_set() else Answer.SERVING)
