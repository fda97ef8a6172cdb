"""WatchCopilotToken, InvalidateCopilotToken and ListAccounts over real gRPC."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from tests.servers.scripted_github import ScriptedGitHub, scripted_github
from tests.servers.token_service import CREDENTIAL, RunningService, configured, running
from token_client.watch import MAX_ACCOUNTS

pytestmark = pytest.mark.anyio

SEATS = [{"id": f"seat-{n}", "github_token": CREDENTIAL} for n in (1, 2)]
DIRECT = {"id": "own", "strategy": "direct", "github_token": "gho_secret_credential"}


@asynccontextmanager
async def service(
    directory: Path, **content: Any
) -> AsyncIterator[tuple[RunningService, ScriptedGitHub]]:
    content = {"accounts": SEATS, **content}
    async with (
        scripted_github() as github,
        running(configured(directory, github.url, content)) as made,
    ):
        yield made, github


def watch(made: RunningService, *accounts: str, **options: Any) -> Any:
    return made.stub.WatchCopilotToken(pb.WatchCopilotTokenRequest(accounts=accounts), **options)


async def invalidate(made: RunningService, account: str, token_id: str) -> str:
    request = pb.InvalidateCopilotTokenRequest(account=account, token_id=token_id, reason="401")
    answer: pb.InvalidateCopilotTokenResponse = await made.stub.InvalidateCopilotToken(
        request, timeout=5
    )
    return answer.token_id


async def test_a_stream_brings_the_current_token_and_each_newer_one(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        first = await made.get("seat-1")
        stream = watch(made, "seat-1", "seat-2")
        assert (await stream.read()).token == first
        assert github.exchange_count == 1
        second = await made.get("seat-2")
        assert (await stream.read()).token.token_id == second.token_id
        await made.clock.advance(61)
        await invalidate(made, "seat-1", first.token_id)
        newer = (await stream.read()).token
        stream.cancel()

        assert newer.account == "seat-1"
        assert newer.generation > first.generation


async def test_what_is_not_there_is_removed(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, _):
        stream = watch(made, "nobody")

        assert (await stream.read()).removed_account == "nobody"
        stream.cancel()


async def test_one_stream_follows_as_many_accounts_as_a_client_may(tmp_path: Path) -> None:
    names = [f"{number:064}" for number in range(MAX_ACCOUNTS)]
    async with service(tmp_path) as (made, _):
        stream = watch(made, *names)

        assert (await stream.read()).removed_account == names[0]
        stream.cancel()


async def test_a_stream_ends_with_draining(tmp_path: Path) -> None:
    """UNAVAILABLE at once: the client turns to another replica."""
    async with service(tmp_path) as (made, _):
        stream = watch(made, "seat-1")
        await made.get("seat-1")
        await stream.read()
        made.stopping.set()
        async with asyncio.timeout(3):
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await stream.read()

        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "call again" in (raised.value.details() or "")


async def test_streams_of_clients_that_left_are_closed(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, _):
        await made.get("seat-1")
        for _ in range(20):
            stream = watch(made, "seat-1")
            await stream.read()
            stream.cancel()
        async with asyncio.timeout(5):
            while 'grpc_method="WatchCopilotToken"' not in (await made.ops("/metrics")).text:
                await asyncio.sleep(0.01)


async def test_naming_no_account_is_an_error(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, _):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await watch(made).read()

        assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_complaints(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        token = await made.get("seat-1")

        assert await invalidate(made, "seat-1", "another") == token.token_id
        assert (await made.get("seat-1")).state == pb.TOKEN_STATE_FRESH
        assert await invalidate(made, "seat-1", token.token_id) == token.token_id
        stale = await made.get("seat-1")
        assert (stale.state, stale.token_id) == (pb.TOKEN_STATE_STALE, token.token_id)
        assert github.exchange_count == 1
        await made.clock.advance(61)
        assert (await made.get("seat-1")).token_id != token.token_id
        assert github.exchange_count == 2


async def test_the_listing(tmp_path: Path) -> None:
    async with service(tmp_path, accounts=[*SEATS, DIRECT]) as (made, _):
        token = await made.get("seat-2")
        await made.get("own")
        answer = await made.stub.ListAccounts(pb.ListAccountsRequest(), timeout=5)

        assert [account.id for account in answer.accounts] == ["own", "seat-1", "seat-2"]
        own, idle, ready = answer.accounts
        assert (own.strategy, own.state) == ("direct", pb.ACCOUNT_STATE_READY)
        assert (idle.strategy, idle.state) == ("exchange", pb.ACCOUNT_STATE_IDLE)
        assert not idle.HasField("expires_at")
        assert (ready.state, ready.expires_at) == (pb.ACCOUNT_STATE_READY, token.expires_at)
        assert "secret" not in str(answer)


class TestOtherCallers:
    """An account a caller may not use is answered like one that is not there."""

    TOKEN = "the-callers-token"
    METADATA = (("authorization", f"Bearer {TOKEN}"),)

    @asynccontextmanager
    async def service(self, directory: Path) -> AsyncIterator[RunningService]:
        caller = {
            "id": "other",
            "token_sha256": sha256(self.TOKEN.encode()).hexdigest(),
            "accounts": ["seat-2"],
        }
        content = {
            "accounts": [*SEATS, DIRECT],
            "auth": {"mode": "tokens", "callers": [caller]},
        }
        async with service(directory, **content) as (made, _):
            yield made

    async def refused(self, made: RunningService, method: str, request: Any) -> tuple[Any, Any]:
        call = getattr(made.stub, method)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(request, timeout=5, metadata=self.METADATA)
        return raised.value.code(), raised.value.details()

    async def test_calls(self, tmp_path: Path) -> None:
        async with self.service(tmp_path) as made:
            for method, request in (
                ("GetCopilotToken", pb.GetCopilotTokenRequest),
                ("InvalidateCopilotToken", pb.InvalidateCopilotTokenRequest),
            ):
                answers = {
                    await self.refused(made, method, request(account=account))
                    for account in ("seat-1", "own", "nobody")
                }
                assert len(answers) == 1
                assert answers.pop()[0] is grpc.StatusCode.NOT_FOUND

    async def test_streams(self, tmp_path: Path) -> None:
        async with self.service(tmp_path) as made:
            stream = watch(made, "seat-1", "seat-2", "nobody", metadata=self.METADATA)
            removed = {(await stream.read()).removed_account for _ in range(2)}
            await made.stub.GetCopilotToken(
                pb.GetCopilotTokenRequest(account="seat-2"), timeout=5, metadata=self.METADATA
            )
            token = (await stream.read()).token
            stream.cancel()

            assert removed == {"seat-1", "nobody"}
            assert token.account == "seat-2"

    async def test_the_listing(self, tmp_path: Path) -> None:
        async with self.service(tmp_path) as made:
            answer = await made.stub.ListAccounts(
                pb.ListAccountsRequest(), timeout=5, metadata=self.METADATA
            )
            assert [account.id for account in answer.accounts] == ["seat-2"]
