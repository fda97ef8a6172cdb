"""token_service in this process, on free ports, in front of a scripted GitHub."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import yaml
from google.protobuf.duration_pb2 import Duration

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from runtime.configuration import load
from tests.fakes.clock import FakeClock
from tests.servers.ports import free_ports
from token_service.bootstrap import serve
from token_service.settings.document import Settings

CREDENTIAL = "ghu_secret_credential"


class RunningService:
    """A running service and a channel to it; its time passes in `clock.advance` only."""

    def __init__(self, settings: Settings, channel: grpc.aio.Channel) -> None:
        self.settings = settings
        self.clock = FakeClock()
        self.channel = channel
        self.stub = TokenServiceStub(channel)
        self.stopping = asyncio.Event()
        self.ended = asyncio.Event()

    async def get(
        self, account: str = "seat-1", min_ttl: float | None = None, seconds: float = 5.0
    ) -> pb.CopilotToken:
        """One GetCopilotToken with a deadline."""
        request = pb.GetCopilotTokenRequest(account=account)
        if min_ttl is not None:
            request.min_ttl.CopyFrom(Duration(seconds=int(min_ttl)))
        response: pb.GetCopilotTokenResponse = await self.stub.GetCopilotToken(
            request, timeout=seconds
        )
        return response.token

    async def ops(self, path: str) -> httpx.Response:
        """One GET on the ops port."""
        async with httpx.AsyncClient(trust_env=False) as client:
            return await client.get(f"http://{self.settings.listen.ops}{path}")


def configured(directory: Path, github_url: str, content: Mapping[str, Any]) -> Settings:
    """Settings for free ports and the scripted GitHub; `content` has the last word."""
    rpc, ops = free_ports(2)
    credential = directory / "credential"
    credential.write_text(CREDENTIAL + "\n")
    document = {
        "listen": {"grpc": f"127.0.0.1:{rpc}", "ops": f"127.0.0.1:{ops}"},
        "github": {"api_url": github_url, "web_url": github_url, "timeout_seconds": 5},
        "accounts": [{"id": "seat-1", "github_token_file": str(credential)}],
        **content,
    }
    file = directory / "token-service.yaml"
    file.write_text(yaml.safe_dump(document))
    return load(Settings, file)


@asynccontextmanager
async def running(
    settings: Settings, farewell_seconds: float = 0.0
) -> AsyncIterator[RunningService]:
    """Serve until the end of the block, or until `stopping` is set."""
    async with grpc.aio.insecure_channel(settings.listen.grpc) as channel:
        service = RunningService(settings, channel)
        ready = asyncio.Event()

        async def run() -> None:
            try:
                await serve(
                    settings,
                    service.stopping.wait,
                    ready.set,
                    service.clock,
                    farewell_seconds=farewell_seconds,
                )
            finally:
                service.ended.set()
                ready.set()

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(run())
            await ready.wait()
            try:
                yield service
            finally:
                service.stopping.set()
