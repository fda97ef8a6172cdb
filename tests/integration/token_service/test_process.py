"""The service as a process: starting, ops port, health, reflection, ending, and what it logs."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import httpx
import pytest
import yaml
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from runtime.listening import ListenError
from tests.servers.ports import free_ports
from tests.servers.process import ServiceProcess
from tests.servers.scripted_github import Reply, scripted_github
from tests.servers.token_service import CREDENTIAL, RunningService, configured, running
from token_service.bootstrap import serve
from token_service.rpc.server import SERVICE

pytestmark = pytest.mark.anyio

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health(service: RunningService, name: str) -> int:
    stub = health_pb2_grpc.HealthStub(service.channel)
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    return int(answer.status)


async def test_ready_and_healthy(tmp_path: Path) -> None:
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        assert (await made.ops("/readyz")).status_code == 200
        assert (await made.ops("/healthz")).status_code == 200
        assert await health(made, "") == SERVING
        assert await health(made, SERVICE) == SERVING


async def services(made: RunningService) -> list[str]:
    stub = reflection_pb2_grpc.ServerReflectionStub(made.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = await stub.ServerReflectionInfo(iter([request]), timeout=5).read()
    return [each.name for each in answer.list_services_response.service]


async def test_reflection_names_the_service(tmp_path: Path) -> None:
    content = {"grpc": {"reflection": True}}
    async with running(configured(tmp_path, "http://127.0.0.1:9", content)) as made:
        assert SERVICE in await services(made)


async def test_reflection_is_off_unless_configured(tmp_path: Path) -> None:
    async with running(configured(tmp_path, "http://127.0.0.1:9", {})) as made:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await services(made)

    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_it_ends_in_order(tmp_path: Path) -> None:
    """Not ready and NOT_SERVING first, while the exchange under way is still finished."""
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        watch = health_pb2_grpc.HealthStub(made.channel).Watch(
            health_pb2.HealthCheckRequest(service=SERVICE), timeout=10
        )
        assert (await watch.read()).status == SERVING
        github.hold()
        async with asyncio.TaskGroup() as tasks:
            caller = tasks.create_task(made.get())
            await github.arrived.wait()
            made.stopping.set()
            assert (await watch.read()).status == NOT_SERVING
            assert (await made.ops("/readyz")).status_code == 503
            assert not made.ended.is_set()
            github.release()
        assert caller.result().state == pb.TOKEN_STATE_FRESH
        await made.ended.wait()
        with pytest.raises(grpc.aio.AioRpcError):
            await made.get()


async def test_open_connections_are_told_before_they_are_cut_off(tmp_path: Path) -> None:
    """Living tokens are given to the last; who would have to wait is sent elsewhere."""
    content = {"accounts": [{"id": f"seat-{n}", "github_token": CREDENTIAL} for n in (1, 2)]}
    async with (
        scripted_github() as github,
        running(configured(tmp_path, github.url, content), farewell_seconds=1.0) as made,
    ):
        living = await made.get("seat-1")
        made.stopping.set()
        async with asyncio.timeout(0.9):
            while await health(made, SERVICE) == SERVING:
                await asyncio.sleep(0.01)
            assert (await made.get("seat-1")).token_id == living.token_id
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await made.get("seat-2")
        status = rpc_status.from_call(raised.value)
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        for detail in status.details:
            _ = [each for each in (info, retry) if detail.Unpack(each)]
        assert (info.reason, retry.retry_delay.seconds) == ("DRAINING", 1)
        async with asyncio.timeout(3):
            await made.ended.wait()


@pytest.mark.parametrize("setting", ["listen.grpc", "listen.ops"])
async def test_a_port_in_use_is_named(tmp_path: Path, setting: str) -> None:
    """A second process must fail to start, not take half of the calls."""
    settings = configured(tmp_path, "http://127.0.0.1:9", {})
    address = settings.listen.grpc if setting == "listen.grpc" else settings.listen.ops
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        other.listen()
        with pytest.raises((ListenError, ExceptionGroup)) as raised:
            await asyncio.wait_for(serve(settings, asyncio.Event().wait), timeout=10)

    error: BaseException = raised.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, ListenError)
    assert str(error).startswith(f"{setting}: cannot listen on {address}")


def process(tmp_path: Path, github_url: str) -> tuple[ServiceProcess, str, str]:
    """A process that is not started yet, its RPC address and its metrics' URL."""
    rpc, ops = free_ports(2)
    (tmp_path / "credential").write_text(CREDENTIAL + "\n")
    document = {
        "listen": {"grpc": f"127.0.0.1:{rpc}", "ops": f"127.0.0.1:{ops}"},
        "github": {"api_url": github_url},
        "accounts": [
            {"id": "seat-1", "github_token_file": str(tmp_path / "credential")},
            {"id": "seat-2", "github_token": CREDENTIAL},
            {"id": "classic", "github_token": "ghp_secret_classic"},
        ],
        "log": {"level": "debug"},
    }
    file = tmp_path / "process.yaml"
    file.write_text(yaml.safe_dump(document))
    url = f"http://127.0.0.1:{ops}"
    made = ServiceProcess(["token_service", "--config", str(file)], f"{url}/readyz")
    return made, f"127.0.0.1:{rpc}", f"{url}/metrics"


async def call(address: str, account: str) -> str:
    async with grpc.aio.insecure_channel(address) as channel:
        try:
            request = pb.GetCopilotTokenRequest(account=account)
            answer = await TokenServiceStub(channel).GetCopilotToken(request, timeout=5)
        except grpc.aio.AioRpcError as error:
            return f"{error.code()} {error.details()} {error.trailing_metadata()}"
        return str(answer.token.value)


@asynccontextmanager
async def started(made: ServiceProcess) -> AsyncIterator[ServiceProcess]:
    """Starting and ending a process block; here the loop goes on."""
    await asyncio.to_thread(made.__enter__)
    try:
        yield made
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


async def test_no_secret_is_logged_measured_or_told(tmp_path: Path) -> None:
    """At the most talkative log level, through a success and failures of several kinds."""
    refusal = {"message": f"no {CREDENTIAL}", "error_details": {"title": CREDENTIAL}}
    async with scripted_github() as github:
        made, address, metrics = process(tmp_path, github.url)
        async with started(made), httpx.AsyncClient(trust_env=False) as client:
            assert "secret-token" in await call(address, "seat-1")
            github.exchanges.append(Reply(403, refusal))
            told = [await call(address, name) for name in ("seat-2", "classic", "nobody")]
            told.append((await client.get(metrics)).text)
            assert await asyncio.to_thread(made.terminate) == 0
            told.append(made.output())

    text = "\n".join(told)
    for part in ("copilot_token_requests_total", "token obtained", "CREDENTIAL_KIND_UNSUPPORTED"):
        assert part in text
    assert "secret" not in text


async def test_a_process_whose_health_is_watched_ends_the_watch_itself(tmp_path: Path) -> None:
    """And does not leave it to the server, which would cut it off when the grace is over."""
    made, address, _ = process(tmp_path, "http://127.0.0.1:9")
    async with started(made), grpc.aio.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        watch = health_pb2_grpc.HealthStub(channel).Watch(request, timeout=30)
        assert (await watch.read()).status == SERVING
        ended = asyncio.create_task(asyncio.to_thread(made.terminate))
        assert (await watch.read()).status == NOT_SERVING
        assert await watch.read() is grpc.aio.EOF
        assert await watch.code() is grpc.StatusCode.OK
        assert await ended == 0


async def test_logs_are_json_lines_and_an_unusable_account_is_named(tmp_path: Path) -> None:
    made, _, _ = process(tmp_path, "http://127.0.0.1:9")
    async with started(made):
        await asyncio.to_thread(made.terminate)
        lines = [json.loads(line) for line in made.output().splitlines()]

    assert [line["account"] for line in lines if line["level"] == "error"] == ["classic"]
    assert lines[-1]["message"] == "ended"
