"""A span around each call of our own service, a child of the caller's where it names one.

Stands before the boundary, so that what the boundary refuses is seen too. Wraps each method once.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ServerInterceptor

from runtime.tracing.tracer import TRACEPARENT, Kind, Span, Tracer
from token_service.rpc.endings import code_after
from token_service.rpc.interceptors import OPEN, Continuation, Handler, Unary

OK = grpc.StatusCode.OK.name


class TracedCalls(ServerInterceptor):
    """Traces unary calls; a watch lasts as long as its client does and is none."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        """Called by gRPC for each call."""
        path = handler_call_details.method
        known = self._wrapped.get(path)
        if known is not None:
            return known
        handler: Any = await continuation(handler_call_details)
        method = path.lstrip("/")
        if handler is None or handler.unary_unary is None or method.rpartition("/")[0] in OPEN:
            return handler  # type: ignore[no-any-return]
        traced = grpc.unary_unary_rpc_method_handler(
            self._traced(handler.unary_unary, method),
            handler.request_deserializer,
            handler.response_serializer,
        )
        self._wrapped[path] = traced
        return traced

    def _traced(self, behaviour: Unary, method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def call(request: Any, context: Any) -> Any:
            parent = dict(context.invocation_metadata() or ()).get(TRACEPARENT, "")
            with self._tracer.span(method, Kind.SERVER, str(parent)) as span:
                span.set({"rpc.system.name": "grpc", "rpc.method": method})
                try:
                    answer = await behaviour(request, context)
                except BaseException as error:
                    _ended(span, code_after(error, context))
                    raise
                _ended(span, OK)
                return answer

        return call


def _ended(span: Span, code: str) -> None:
    span.set({"rpc.response.status_code": code})
    if code != OK:
        span.failed(code)
