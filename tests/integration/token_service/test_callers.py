"""Who may call, over real gRPC: every call has a caller, and each caller its accounts."""

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from protos.token_service.v1 import token_service_pb2 as pb
from tests.servers.guarded_broker import (
    OTHER,
    TOKEN,
    broker,
    digest,
    get,
    reason_of,
    refusal,
    tokens,
)
from tests.servers.token_service import CREDENTIAL

pytestmark = pytest.mark.anyio


async def test_a_caller_with_its_token_is_served(tmp_path: Path) -> None:
    async with broker(tmp_path, auth=tokens()) as made:
        assert (await get(made.channel)).account == "seat-1"


@pytest.mark.parametrize("token", [None, "", "wrong", TOKEN + "x", digest(TOKEN)])
async def test_a_caller_without_a_good_token_is_not(tmp_path: Path, token: str | None) -> None:
    async with broker(tmp_path, auth=tokens()) as made:
        code, reason, text = await refusal(made.channel, token=token)

    assert (code, reason) == (grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED")
    assert TOKEN not in text


@pytest.mark.parametrize(
    "method", ["GetCopilotToken", "WatchCopilotToken", "InvalidateCopilotToken", "ListAccounts"]
)
async def test_every_method_asks_who_calls(tmp_path: Path, method: str) -> None:
    """What exists and what fails is not to be learned by strangers."""
    request = getattr(pb, f"{method}Request")()
    async with broker(tmp_path, auth=tokens()) as made:
        call = getattr(made.stub, method)(request, timeout=5)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await (call.read() if method == "WatchCopilotToken" else call)

    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_two_credentials_are_none(tmp_path: Path) -> None:
    """Which of them counts would be a guess."""
    metadata = (("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer wrong"))
    async with broker(tmp_path, auth=tokens()) as made:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await made.stub.GetCopilotToken(
                pb.GetCopilotTokenRequest(account="seat-1"), timeout=5, metadata=metadata
            )

    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_a_forbidden_account_is_answered_like_a_missing_one(tmp_path: Path) -> None:
    async with broker(tmp_path, auth=tokens()) as made:
        forbidden = await refusal(made.channel, "seat-1", OTHER)
        missing = await refusal(made.channel, "no-such", OTHER)
        assert (await get(made.channel, "seat-2", OTHER)).account == "seat-2"

    assert forbidden == missing
    assert forbidden[:2] == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")


async def test_a_direct_account_is_given_to_those_who_name_it(tmp_path: Path) -> None:
    """Design §2, invariant 1: `*` excludes it."""
    async with broker(tmp_path, auth=tokens()) as made:
        assert (await refusal(made.channel, "bare", TOKEN))[0] is grpc.StatusCode.NOT_FOUND
        assert (await get(made.channel, "bare", OTHER)).value == CREDENTIAL


async def test_health_and_reflection_ask_nobody(tmp_path: Path) -> None:
    content = {"auth": tokens(), "grpc": {"reflection": True}}
    async with broker(tmp_path, **content) as made:
        health = health_pb2_grpc.HealthStub(made.channel)
        answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=5)
        watch = health.Watch(health_pb2.HealthCheckRequest(), timeout=5)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        stub = reflection_pb2_grpc.ServerReflectionStub(made.channel)
        listed = await stub.ServerReflectionInfo(iter([request]), timeout=5).read()
        first = await watch.read()
        watch.cancel()

    assert answer.status == first.status == health_pb2.HealthCheckResponse.SERVING
    assert listed.list_services_response.service


async def test_callers_at_the_same_time_are_not_mixed_up(tmp_path: Path) -> None:
    """Each call's caller is known in its own task only."""
    async with broker(tmp_path, auth=tokens()) as made:

        async def one(number: int) -> bool:
            if number % 2:
                return (await refusal(made.channel, "seat-1", OTHER))[1] != "ACCOUNT_NOT_FOUND"
            return (await get(made.channel, "seat-1", TOKEN)).account == "seat-1"

        served = await asyncio.gather(*(one(number) for number in range(200)))

    assert served == [number % 2 == 0 for number in range(200)]


async def test_a_caller_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with broker(tmp_path, auth=tokens(requests_per_second=1)) as made:
        for _ in range(5):
            await get(made.channel)
        code, reason, text = await refusal(made.channel)
        assert (await get(made.channel, "seat-2", OTHER)).account == "seat-2"
        await made.clock.advance(1.0)
        assert (await get(made.channel)).account == "seat-1"
        page = (await made.ops("/metrics")).text

    assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
    assert "requests_per_second" in text
    assert 'copilot_caller_refusals_total{reason="rate"} 1.0' in page


async def opened(stub: Any, request: Any, metadata: Any) -> Any:
    """A stream that gives its first token; None if there is no room for it."""
    call = stub.WatchCopilotToken(request, metadata=metadata, timeout=10)
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return None if reason_of(error) == "OVERLOADED" else pytest.fail(str(error))
    return call


async def test_a_callers_streams_are_limited_and_a_left_one_is_free_again(tmp_path: Path) -> None:
    metadata = (("authorization", f"Bearer {TOKEN}"),)
    request = pb.WatchCopilotTokenRequest(accounts=["seat-1"])
    async with broker(tmp_path, auth=tokens(max_streams=1)) as made:
        stub: Any = made.stub
        await get(made.channel)
        first = stub.WatchCopilotToken(request, metadata=metadata, timeout=10)
        assert (await first.read()).token.account == "seat-1"
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.WatchCopilotToken(request, metadata=metadata, timeout=10).read()
        first.cancel()
        async with asyncio.timeout(10):
            while (again := await opened(stub, request, metadata)) is None:
                pass
        again.cancel()

    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_grants_and_refusals_are_audited_and_no_secret_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with broker(tmp_path, auth=tokens()) as made:
        token = await get(made.channel)
        for _ in range(9):
            await get(made.channel)
        await refusal(made.channel, "seat-1", OTHER)
        await refusal(made.channel, "seat-1", "wrong-token")
        await refusal(made.channel, "n\n{}", TOKEN)
    lines = [
        (record.getMessage(), record.__dict__["fields"])
        for record in caplog.records
        if record.name == "token_service.audit"
    ]

    grant = {
        "caller": "gateway",
        "method": "GetCopilotToken",
        "account": "seat-1",
        "token_id": token.token_id,
        "generation": token.generation,
    }
    no = {"method": "GetCopilotToken", "account": "seat-1", "count": 1}
    assert lines == [
        ("granted", {**grant, "count": 1}),
        ("refused", {**no, "caller": "ci", "reason": "ACCOUNT_NOT_FOUND"}),
        ("refused", {**no, "caller": None, "reason": "token_unknown"}),
        (
            "refused",
            {
                **no,
                "caller": "gateway",
                "reason": "ACCOUNT_NOT_FOUND",
                "account": "(not an account's name)",
            },
        ),
        ("granted again", {**grant, "count": 9}),
    ]
    everything = json.dumps([str(record.__dict__) for record in caplog.records])
    for secret in (TOKEN, OTHER, "wrong-token", CREDENTIAL, token.value):
        assert secret not in everything
