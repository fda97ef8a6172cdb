"""How a call ends: an error of ours becomes a status, and the status a code to count.

Knows grpc.aio's ways of ending a call; decides nothing about callers or accounts.
"""

import asyncio
from types import TracebackType
from typing import Any

import grpc

from token_service.domain.errors import TokenServiceError
from token_service.ports.calls import CallMeter, RpcEvents
from token_service.ports.clock import Clock
from token_service.rpc.status import INTERNAL, status_of

# The caller's own timer often runs out first and cancels the call a moment before its deadline.
DEADLINE_SKEW_SECONDS = 0.1


class Counted:
    """A block that is a call: reports its beginning and its end, however it ends."""

    def __init__(
        self, meter: CallMeter, clock: Clock, labels: tuple[str, str, str], context: Any
    ) -> None:
        self._meter = meter
        self._clock = clock
        self._labels = labels
        self._context = context

    def __enter__(self) -> None:
        self._meter.started(self._labels)
        self._before = self._clock.monotonic()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        code = "OK" if error is None else code_after(error, self._context)
        self._meter.ended(self._labels, code, self._clock.monotonic() - self._before)
        if error is not None:
            raise_as_ended(error)


async def end(error: Exception, method: str, context: Any, events: RpcEvents) -> None:
    """End the call with the error's status; raises what grpc.aio ends calls with."""
    if isinstance(error, TokenServiceError):
        await context.abort_with_status(status_of(error))
    elif isinstance(error, TimeoutError):
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "the caller's time is up")
    elif isinstance(error, NotImplementedError):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "not in this version")
    else:
        events.call_crashed(method, error)
        await context.abort_with_status(status_of(INTERNAL))


def code_after(error: BaseException, context: Any) -> str:
    """The name of the status code with which a call ended that raised this."""
    if isinstance(error, grpc.aio.AbortError):
        return _given(context).name
    if isinstance(error, (grpc.aio.BaseError, asyncio.CancelledError)):
        return _left(context).name
    return grpc.StatusCode.UNKNOWN.name


def raise_as_ended(error: BaseException) -> None:
    """CancelledError for what could not be sent: the call had ended while it was on its way."""
    if isinstance(error, grpc.aio.BaseError) and not isinstance(error, grpc.aio.AbortError):
        raise asyncio.CancelledError from error


def _given(context: Any) -> grpc.StatusCode:
    """The code an aborted call was given; grpc.aio holds it as a number."""
    given = context.code()
    for code in grpc.StatusCode:
        if given in (code, code.value[0]):
            return code
    return grpc.StatusCode.UNKNOWN


def _left(context: Any) -> grpc.StatusCode:
    remaining = context.time_remaining()
    if remaining is not None and remaining <= DEADLINE_SKEW_SECONDS:
        return grpc.StatusCode.DEADLINE_EXCEEDED
    return grpc.StatusCode.CANCELLED
