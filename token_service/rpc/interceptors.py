"""Around every call: who calls, counting, the audit, and errors into statuses.

The boundary is here so that no method needs one: a caller is admitted before its method runs,
and what a method raises becomes a status. Each method is wrapped once, at its first call: an
interceptor that wraps anew for every call costs more than all it does. Only the services in
OPEN are served to callers without a name.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from grpc.aio import ServerInterceptor

from token_service.domain.callers import Caller, Refusal
from token_service.domain.errors import TokenServiceError
from token_service.ports.calls import Audit, CallMeter, RpcEvents
from token_service.ports.clock import Clock
from token_service.rpc.admission import Admission
from token_service.rpc.audited import GrantReader, account_named, grant_reader
from token_service.rpc.endings import Counted, code_after, end, raise_as_ended
from token_service.rpc.identity import admit
from token_service.rpc.warm import WarmAnswers, on_the_wire

# Probes carry no credential; reflection is there only when the operator asked for it, and tells
# what is in the published .proto.
OPEN = (
    "grpc.health.v1.Health",
    "grpc.reflection.v1alpha.ServerReflection",
    "grpc.reflection.v1.ServerReflection",
)
WARM_METHOD = "GetCopilotToken"
REFUSALS: dict[str, Refusal] = {each.value: each for each in Refusal}

# In quotes: generic in its type stubs only.
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Handler]]
Unary = Callable[[Any, Any], Awaitable[Any]]
Stream = Callable[[Any, Any], AsyncGenerator[Any, None]]


@dataclass(frozen=True, slots=True)
class _Method:
    """What the boundary knows of a method. labels: kind, service, method."""

    labels: tuple[str, str, str]
    read_grant: GrantReader

    @property
    def name(self) -> str:
        return self.labels[2]


class CallBoundary(ServerInterceptor):
    """Wraps every method of ours, and counts the unary ones of the open services."""

    def __init__(
        self,
        events: RpcEvents,
        meter: CallMeter,
        clock: Clock,
        admission: Admission,
        audit: Audit,
        warm: WarmAnswers,
    ) -> None:
        self._events = events
        self._meter = meter
        self._clock = clock
        self._admission = admission
        self._audit = audit
        self._warm = warm
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> Handler:
        path = handler_call_details.method
        known = self._wrapped.get(path)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        # No handler: a method nobody serves. Its name is the caller's, so it is not kept, and
        # is no label.
        if handler is None:
            return None
        made = self._wrapped[path] = self._wrap(handler, path)
        return made

    def _wrap(self, handler: Any, path: str) -> Handler:
        service, _, name = path.lstrip("/").rpartition("/")
        unary, stream = handler.unary_unary, handler.unary_stream
        codec = (handler.request_deserializer, handler.response_serializer)
        if service in OPEN:
            if unary is None:
                return handler  # type: ignore[no-any-return]
            counts = _Method(("unary", service, name), grant_reader(name))
            return grpc.unary_unary_rpc_method_handler(self._open(unary, counts), *codec)
        if unary is not None:
            method = _Method(("unary", service, name), grant_reader(name))
            if name == WARM_METHOD:
                codec = (codec[0], on_the_wire(codec[1]))
            return grpc.unary_unary_rpc_method_handler(self._unary(unary, method), *codec)
        if stream is not None:
            method = _Method(("server_stream", service, name), grant_reader(name))
            return grpc.unary_stream_rpc_method_handler(self._stream(stream, method), *codec)
        return None

    def _open(self, behaviour: Unary, method: _Method) -> Unary:
        async def call(request: Any, context: Any) -> Any:
            with Counted(self._meter, self._clock, method.labels, context):
                return await behaviour(request, context)

        return call

    def _unary(self, behaviour: Unary, method: _Method) -> Unary:
        # Everything a call from memory needs stands in this one function, Counted written out:
        # between two calls the processor forgets where each further function is.
        labels, name = method.labels, method.name
        warm = self._warm if name == WARM_METHOD else None

        async def call(request: Any, context: Any) -> Any:
            self._meter.started(labels)
            before, code, caller = self._clock.monotonic(), "OK", None
            try:
                try:
                    caller = await self._admission.identify(context)
                    self._admission.count(caller)
                    found = warm.find(caller.id, request) if warm is not None else None
                    if found is not None:
                        self._audit.granted(
                            caller.id, name, found.account, found.token_id, found.generation
                        )
                        return found
                    admit(caller)
                    answer = await behaviour(request, context)
                    self._granted(method, caller, request, answer)
                    if warm is not None:
                        warm.keep(caller.id, answer)
                    return answer
                except grpc.aio.BaseError:
                    raise
                except Exception as error:
                    self._refused(error, method, caller, request)
                    await end(error, name, context, self._events)
            except BaseException as ending:
                code = code_after(ending, context)
                raise_as_ended(ending)
                raise
            finally:
                self._meter.ended(labels, code, self._clock.monotonic() - before)

        return call

    def _stream(self, behaviour: Stream, method: _Method) -> Unary:
        # It writes by itself: an answer that is given by `yield` leaves the method suspended,
        # and its stream counted, until somebody collects the garbage.
        async def call(request: Any, context: Any) -> None:
            caller = None
            with Counted(self._meter, self._clock, method.labels, context):
                try:
                    caller = await self._admission.identify(context)
                    self._admission.count(caller)
                    admit(caller)
                    with self._admission.stream(caller):
                        async with aclosing(behaviour(request, context)) as answers:
                            async for answer in answers:
                                self._granted(method, caller, request, answer)
                                await context.write(answer)
                except grpc.aio.BaseError:
                    raise
                except Exception as error:
                    self._refused(error, method, caller, request)
                    await end(error, method.name, context, self._events)

        return call

    def _granted(self, method: _Method, caller: Caller, request: Any, answer: Any) -> None:
        grant = method.read_grant(request, answer)
        if grant is not None:
            self._audit.granted(caller.id, method.name, *grant)

    def _refused(
        self, error: Exception, method: _Method, caller: Caller | None, request: Any
    ) -> None:
        if not isinstance(error, TokenServiceError):
            return
        why = REFUSALS.get(error.detail)
        if why is not None:
            self._events.caller_refused(why)
        name = caller.id if caller is not None else ""
        self._audit.refused(name, method.name, account_named(request), why or error.reason)
