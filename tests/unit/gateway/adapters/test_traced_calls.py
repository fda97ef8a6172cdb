"""Calls to a broker that names its callers' spans: real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from gateway.adapters.token_provider import open_token_provider
from gateway.adapters.traced_calls import TracedCalls
from gateway.domain.errors import GatewayError
from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from runtime.tracing.tracer import Kind
from tests.fakes.spans import KeptSpans, id_of, parent_of, traceparent_of, values_of
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving
from token_client.client import TokenClient

pytestmark = pytest.mark.anyio

METHOD = "token_service.v1.TokenService/GetCopilotToken"


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptSpans]:
    made = KeptSpans(monkeypatch)
    yield made
    made.ended()


async def test_a_call_is_a_child_of_the_request_that_needs_it_and_names_itself(
    kept: KeptSpans,
) -> None:
    broker = ScriptedBroker()
    async with (
        serving(broker) as port,
        open_token_provider(
            f"127.0.0.1:{port}", interceptors=(TracedCalls(kept.tracer),)
        ) as tokens,
    ):
        with kept.tracer.span("request", Kind.SERVER, ""):
            await tokens.get("seat-1")
        # Warm: there is no call, and no span.
        with kept.tracer.span("request", Kind.SERVER, ""):
            await tokens.get("seat-1")
    call, first, _ = kept.ended()
    assert (call.name, call.kind.name) == (METHOD, "CLIENT")
    assert parent_of(call) == id_of(first)
    assert values_of(call) == {
        "rpc.system.name": "grpc",
        "rpc.method": METHOD,
        "rpc.response.status_code": "OK",
    }
    assert broker.traceparents[0] == traceparent_of(call)
    assert broker.deadlines[0] is not None, "the call keeps its deadline"


async def test_what_the_caller_shows_goes_along(kept: KeptSpans, tmp_path: Any) -> None:
    (tmp_path / "token").write_text("bearer-1\n")
    broker = ScriptedBroker()
    async with (
        serving(broker) as port,
        TokenClient(
            f"127.0.0.1:{port}",
            token_file=tmp_path / "token",
            interceptors=(TracedCalls(kept.tracer),),
        ) as client,
    ):
        await client.get("seat-1")
    assert broker.bearers[0] == "Bearer bearer-1"
    assert not [each for each in kept.ended() if "bearer-1" in each.to_json()]


async def test_a_refusal_is_an_error_with_its_code_and_none_of_the_brokers_words(
    kept: KeptSpans,
) -> None:
    refusal = Failure(grpc.StatusCode.FAILED_PRECONDITION, "NO_COPILOT_ACCESS")
    async with (
        serving(ScriptedBroker([refusal])) as port,
        open_token_provider(
            f"127.0.0.1:{port}", interceptors=(TracedCalls(kept.tracer),)
        ) as tokens,
    ):
        with pytest.raises(GatewayError, match="Copilot"):
            await tokens.get("seat-1")
    (call,) = kept.ended()
    assert values_of(call)["error.type"] == "FAILED_PRECONDITION"
    assert "own words" not in call.to_json()


class Slow(ScriptedBroker):
    """Sees its calls cancelled."""

    def __init__(self) -> None:
        super().__init__(hold=asyncio.Event())
        self.called, self.cancelled = asyncio.Event(), asyncio.Event()

    async def GetCopilotToken(self, request: Any, context: Any) -> pb.GetCopilotTokenResponse:
        self.called.set()
        try:
            return await super().GetCopilotToken(request, context)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


@asynccontextmanager
async def stub_of(port: int, kept: KeptSpans) -> AsyncIterator[Any]:
    interceptors = [TracedCalls(kept.tracer)]
    address = f"127.0.0.1:{port}"
    async with grpc.aio.insecure_channel(address, interceptors=interceptors) as channel:
        yield TokenServiceStub(channel)


async def test_a_call_that_is_cancelled_is_cancelled_at_the_broker_too(kept: KeptSpans) -> None:
    broker = Slow()
    async with serving(broker) as port, stub_of(port, kept) as stub, asyncio.timeout(20):

        async def ask() -> None:
            await stub.GetCopilotToken(pb.GetCopilotTokenRequest(account="seat-1"), timeout=600)

        asking = asyncio.get_running_loop().create_task(ask())
        await broker.called.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await broker.cancelled.wait()
    assert [each.name for each in kept.ended()] == [METHOD]


async def test_calls_side_by_side_are_each_in_their_own_trace(kept: KeptSpans) -> None:
    async with serving(ScriptedBroker()) as port, stub_of(port, kept) as stub:

        async def one(number: int) -> None:
            with kept.tracer.span(f"request-{number}", Kind.SERVER, ""):
                await stub.GetCopilotToken(pb.GetCopilotTokenRequest(account=f"seat-{number}"))

        async with asyncio.TaskGroup() as tasks:
            for number in range(20):
                tasks.create_task(one(number))
    spans = kept.ended()
    by_id = {id_of(each): each for each in spans}
    parents = [by_id[parent_of(each) or ""].name for each in spans if each.name == METHOD]
    assert sorted(parents) == sorted(f"request-{number}" for number in range(20))
