"""A span around each call to token_service, whose own spans become its children."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ClientCallDetails, Metadata, UnaryUnaryClientInterceptor

from runtime.tracing.tracer import TRACEPARENT, Kind, Tracer


class TracedCalls(UnaryUnaryClientInterceptor):
    """For TokenClient's channel."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    async def intercept_unary_unary(
        self,
        continuation: Callable[[ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: ClientCallDetails,
        request: Any,
    ) -> Any:
        """Called by gRPC for each call."""
        method = _text(client_call_details.method).lstrip("/")
        with self._tracer.span(method, Kind.CLIENT) as span:
            span.set({"rpc.system.name": "grpc", "rpc.method": method})
            metadata = Metadata(*(client_call_details.metadata or ()))
            metadata.add(TRACEPARENT, span.traceparent)
            details = ClientCallDetails(
                client_call_details.method,
                client_call_details.timeout,
                metadata,
                client_call_details.credentials,
                client_call_details.wait_for_ready,
            )
            code = await _end_of(call := await continuation(details, request))
            span.set({"rpc.response.status_code": code.name})
            if code is not grpc.StatusCode.OK:
                span.failed(code.name)
            return call


async def _end_of(call: Any) -> grpc.StatusCode:
    """Until there is a status the call is not over."""
    try:
        code: grpc.StatusCode = await call.code()
    except asyncio.CancelledError:
        # gRPC has cancelled this interceptor and knows nothing of the call yet: token_service
        # would go on for a caller that is gone.
        call.cancel()
        raise
    return code


def _text(method: str | bytes) -> str:
    return method.decode() if isinstance(method, bytes) else method
