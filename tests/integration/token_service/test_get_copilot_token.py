"""GetCopilotToken over real gRPC, with exchanges over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from tests.servers.scripted_github import Reply, ScriptedGitHub, scripted_github
from tests.servers.token_service import CREDENTIAL, RunningService, configured, running

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def service(
    directory: Path, **content: Any
) -> AsyncIterator[tuple[RunningService, ScriptedGitHub]]:
    async with (
        scripted_github() as github,
        running(configured(directory, github.url, content)) as made,
    ):
        yield made, github


async def metric(made: RunningService, name: str) -> float:
    for line in (await made.ops("/metrics")).text.splitlines():
        if line.startswith(name + " "):
            return float(line.rpartition(" ")[2])
    return 0.0


async def calls_begun(made: RunningService) -> float:
    begun = 'grpc_server_started_total{grpc_method="GetCopilotToken"'
    lines = (await made.ops("/metrics")).text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(begun))


async def test_a_cold_and_a_warm_call(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        cold, warm = await made.get(), await made.get()

        assert github.exchange_count == 1
        assert cold.token_id == warm.token_id
        assert cold.value.endswith("secret-token-1")
        assert cold.account == "seat-1"
        assert cold.api_base_url == "https://api.individual.githubcopilot.com"
        assert (cold.sku, cold.strategy) == ("plus", "exchange")
        assert cold.state == pb.TOKEN_STATE_FRESH
        assert cold.generation > 0
        assert 1795 < cold.expires_in.ToSeconds() <= 1800
        assert 1400 < cold.refresh_in.ToSeconds() <= 1500
        assert cold.expires_at.seconds > cold.refresh_at.seconds > 1_700_000_000
        assert set(cold.headers) == {
            "User-Agent",
            "Editor-Version",
            "Editor-Plugin-Version",
            "X-GitHub-Api-Version",
        }


async def test_what_github_is_asked(tmp_path: Path) -> None:
    """copilot-upstream.md §3.1."""
    identity = {"integration_id": "acme", "user_agent": "acme/1"}
    async with service(tmp_path, client_identity=identity) as (made, github):
        token = await made.get()

        ((_, headers, _),) = github.requests
        assert headers["Authorization"] == f"token {CREDENTIAL}"
        assert headers["Accept"] == "application/json"
        assert headers["X-GitHub-Api-Version"] == "2025-04-01"
        assert headers["Copilot-Integration-Id"] == token.headers["Copilot-Integration-Id"]
        assert headers["User-Agent"] == token.headers["User-Agent"] == "acme/1"


async def test_a_hundred_callers_cause_one_exchange(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        github.hold()
        async with asyncio.TaskGroup() as tasks:
            callers = [tasks.create_task(made.get()) for _ in range(100)]
            await github.arrived.wait()
            async with asyncio.timeout(10):
                while await calls_begun(made) < 100:
                    await asyncio.sleep(0.02)
            github.release()

        assert github.exchange_count == 1
        assert len({caller.result().token_id for caller in callers}) == 1
        assert await metric(made, "copilot_token_followers_total") >= 1


async def test_the_first_caller_leaves_and_the_others_are_served(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github), asyncio.TaskGroup() as tasks:
        github.hold()
        first = tasks.create_task(made.get())
        await github.arrived.wait()
        others = [tasks.create_task(made.get()) for _ in range(5)]
        first.cancel()
        await asyncio.wait((first,))
        github.release()
        await asyncio.wait(others)

        assert first.cancelled()
        assert {caller.result().value[-1] for caller in others} == {"1"}
        assert github.exchange_count == 1


async def test_a_callers_deadline_is_obeyed_and_the_exchange_goes_on(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        github.hold()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await made.get(seconds=0.1)
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        github.release()

        assert (await made.get()).value.endswith("secret-token-1")
        assert github.exchange_count == 1


async def asked_until(made: RunningService, state: int) -> pb.CopilotToken:
    """Ask until the token is in this state: what happens in the background takes a moment."""
    for _ in range(1000):
        token = await made.get()
        if token.state == state:
            return token
    raise AssertionError(f"no token in state {state}")


async def test_a_renewal_happens_behind_the_callers_back(tmp_path: Path) -> None:
    async with service(tmp_path, freshness={"idle_seconds": 1}) as (made, github):
        first = await made.get()
        await made.clock.advance(1501)
        github.hold()
        due = await made.get()
        github.release()
        renewed = await asked_until(made, pb.TOKEN_STATE_FRESH)

        assert (due.state, due.token_id) == (pb.TOKEN_STATE_RENEW_SOON, first.token_id)
        assert due.refresh_in.ToSeconds() == 0
        assert renewed.generation > first.generation
        assert github.exchange_count == 2


async def test_what_was_asked_for_lately_is_renewed_ahead_of_need(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        await made.get()
        github.hold()
        await made.clock.advance(1501)
        await github.arrived.wait()
        github.release()

        assert (await asked_until(made, pb.TOKEN_STATE_FRESH)).generation
        assert github.exchange_count == 2


async def test_a_stale_token_is_served_while_github_fails(tmp_path: Path) -> None:
    """And no longer than it lives (design §2, invariant 3)."""
    async with service(tmp_path, freshness={"idle_seconds": 1}) as (made, github):
        first = await made.get()
        github.exchanges.extend(Reply(503, "down") for _ in range(10))
        await made.clock.advance(1501)
        stale = await asked_until(made, pb.TOKEN_STATE_STALE)
        assert stale.token_id == first.token_id
        assert 290 < stale.expires_in.ToSeconds() < 300

        await made.clock.advance(280)
        assert (await made.get()).token_id == first.token_id
        await made.clock.advance(20)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await made.get()
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_min_ttl_is_met_by_a_renewal(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        await made.get()
        await made.clock.advance(700)
        await made.get(min_ttl=900)
        assert github.exchange_count == 1
        renewed = await made.get(min_ttl=1200)

        assert github.exchange_count == 2
        assert renewed.expires_in.ToSeconds() > 1200


async def test_direct_and_static_ask_nobody(tmp_path: Path) -> None:
    static = "tid=1;exp=4102444800;proxy-ep=proxy.business.githubcopilot.com:ff"
    accounts = [
        {"id": "direct", "strategy": "direct", "github_token": "gho_secret"},
        {"id": "static", "strategy": "static", "github_token": static},
    ]
    async with service(tmp_path, accounts=accounts) as (made, github):
        direct, ready = await made.get("direct"), await made.get("static")

        assert (direct.value, direct.strategy) == ("gho_secret", "direct")
        assert set(direct.headers) == {"User-Agent", "X-GitHub-Api-Version"}
        assert direct.api_base_url == "https://api.githubcopilot.com"
        assert (ready.value, ready.strategy) == (static, "static")
        assert ready.api_base_url == "https://api.business.githubcopilot.com"
        assert github.requests == []


async def test_one_wrong_credential_does_not_take_the_others_down(tmp_path: Path) -> None:
    accounts = [
        {"id": "good", "github_token": "ghu_secret"},
        {"id": "classic", "github_token": "ghp_secret"},
    ]
    async with service(tmp_path, accounts=accounts) as (made, _):
        with pytest.raises(grpc.aio.AioRpcError, match="classic personal access tokens"):
            await made.get("classic")

        assert (await made.get("good")).state == pb.TOKEN_STATE_FRESH


async def counted(made: RunningService, sample: str) -> None:
    """The server may notice that a caller is gone a moment after the caller does."""
    for _ in range(100):
        if sample in (await made.ops("/metrics")).text:
            return
    raise AssertionError(f"no sample {sample}")


async def test_calls_are_counted_by_how_they_ended(tmp_path: Path) -> None:
    async with service(tmp_path) as (made, github):
        with pytest.raises(grpc.aio.AioRpcError):
            await made.get("nobody")  # connects, so that the next call's time is the call's own
        github.hold()
        with pytest.raises(grpc.aio.AioRpcError):
            await made.get(seconds=0.3)
        await counted(made, handled("DEADLINE_EXCEEDED"))
        github.release()
        await made.get()
        await counted(made, handled("OK"))
        await counted(made, handled("NOT_FOUND"))


def handled(code: str) -> str:
    return (
        f'grpc_server_handled_total{{grpc_code="{code}",grpc_method="GetCopilotToken",'
        'grpc_service="token_service.v1.TokenService",grpc_type="unary"} 1.0'
    )
