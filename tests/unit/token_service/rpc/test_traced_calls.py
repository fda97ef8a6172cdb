"""A span around each of our own calls, and around no other."""

import asyncio
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from runtime.tracing.tracer import Kind
from tests.fakes.spans import KeptSpans, id_of, parent_of, values_of
from tests.unit.token_service.rpc.test_interceptors import Details, FakeContext
from token_service.rpc.traced_calls import TracedCalls

pytestmark = pytest.mark.anyio

METHOD = "token_service.v1.TokenService/GetCopilotToken"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class CallContext(FakeContext):
    """One that brings metadata along."""

    def __init__(self, **metadata: str) -> None:
        super().__init__()
        self._metadata = tuple(metadata.items())

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata


class Traced:
    """The interceptor with a method behind it that ends as it is told."""

    def __init__(self, kept: KeptSpans) -> None:
        self._calls: Any = TracedCalls(kept.tracer)
        self._tracer = kept.tracer

    async def handler(self, handler: Any, path: str = f"/{METHOD}") -> Any:
        async def continuation(details: Any) -> Any:
            return handler

        return await self._calls.intercept_service(continuation, Details(path))

    async def call(self, context: CallContext, behaviour: Any) -> Any:
        handler = await self.handler(grpc.unary_unary_rpc_method_handler(behaviour))
        return await handler.unary_unary("request", context)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptSpans]:
    made = KeptSpans(monkeypatch)
    yield made
    made.ended()


async def answers(request: Any, context: Any) -> str:
    return "token-1"


async def test_a_call_is_a_child_of_the_span_its_caller_names(kept: KeptSpans) -> None:
    context = CallContext(traceparent=f"00-{TRACE}-{PARENT}-01", authorization="Bearer canary")
    assert await Traced(kept).call(context, answers) == "token-1"
    (span,) = kept.ended()
    assert (span.name, span.kind.name, parent_of(span)) == (METHOD, "SERVER", PARENT)
    assert f"{span.context.trace_id:032x}" == TRACE
    assert values_of(span) == {
        "rpc.system.name": "grpc",
        "rpc.method": METHOD,
        "rpc.response.status_code": "OK",
    }


@pytest.mark.parametrize("sent", [{}, {"traceparent": ""}, {"traceparent": "canary"}])
async def test_a_call_that_names_none_is_a_trace_of_its_own(
    kept: KeptSpans, sent: dict[str, str]
) -> None:
    with kept.tracer.span("other", Kind.INTERNAL):
        await Traced(kept).call(CallContext(**sent), answers)
    call, other = kept.ended()
    assert parent_of(call) is None
    assert call.context.trace_id != other.context.trace_id


async def test_what_obtains_the_token_is_below_the_call(kept: KeptSpans) -> None:
    async def obtains(request: Any, context: Any) -> str:
        with kept.tracer.span("obtain token", Kind.INTERNAL):
            return "token-1"

    await Traced(kept).call(CallContext(), obtains)
    below, call = kept.ended()
    assert parent_of(below) == id_of(call)


async def test_a_refused_call_is_an_error_by_its_code_without_its_words(kept: KeptSpans) -> None:
    async def refuses(request: Any, context: Any) -> None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "canary")

    with pytest.raises(grpc.aio.AbortError):
        await Traced(kept).call(CallContext(), refuses)
    (span,) = kept.ended()
    assert values_of(span)["rpc.response.status_code"] == "NOT_FOUND"
    assert values_of(span)["error.type"] == "NOT_FOUND"
    assert "canary" not in span.to_json()


async def test_a_call_whose_caller_is_gone_ends_its_span(kept: KeptSpans) -> None:
    async def is_cancelled(request: Any, context: Any) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Traced(kept).call(CallContext(), is_cancelled)
    (span,) = kept.ended()
    assert values_of(span)["rpc.response.status_code"] == "CANCELLED"


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
async def test_health_and_reflection_are_left_alone(kept: KeptSpans, path: str) -> None:
    traced = Traced(kept)
    handler: Any = grpc.unary_unary_rpc_method_handler(answers)
    assert await traced.handler(handler, path) is handler


async def test_streams_and_unknown_methods_are_left_alone(kept: KeptSpans) -> None:
    traced = Traced(kept)
    stream: Any = grpc.unary_stream_rpc_method_handler(answers)
    assert await traced.handler(stream, "/token_service.v1.TokenService/Watch") is stream
    assert await traced.handler(None, "/nobody/Knows") is None


async def test_a_method_is_wrapped_once(kept: KeptSpans) -> None:
    traced = Traced(kept)
    handler: Any = grpc.unary_unary_rpc_method_handler(answers)
    assert await traced.handler(handler) is await traced.handler(handler)
