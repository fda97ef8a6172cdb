"""token_service with callers: three accounts, two callers with tokens, and calls to it."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from tests.servers.scripted_github import scripted_github
from tests.servers.token_service import CREDENTIAL, RunningService, configured, running

TOKEN = "caller-token-of-the-gateway"
OTHER = "caller-token-of-ci"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tokens(**gateway: Any) -> dict[str, Any]:
    callers = [
        {"id": "gateway", "token_sha256": digest(TOKEN), "accounts": ["*"], **gateway},
        {"id": "ci", "token_sha256": digest(OTHER), "accounts": ["seat-2", "bare"]},
    ]
    return {"mode": "tokens", "callers": callers}


def accounts(directory: Path) -> list[dict[str, Any]]:
    (directory / "credential").write_text(CREDENTIAL + "\n")
    file = str(directory / "credential")
    return [
        {"id": "seat-1", "github_token_file": file},
        {"id": "seat-2", "github_token_file": file},
        {"id": "bare", "github_token_file": file, "strategy": "direct"},
    ]


@asynccontextmanager
async def broker(directory: Path, **content: Any) -> AsyncIterator[RunningService]:
    document = {"accounts": accounts(directory), **content}
    async with (
        scripted_github() as github,
        running(configured(directory, github.url, document)) as made,
    ):
        yield made


async def get(
    channel: grpc.aio.Channel, account: str = "seat-1", token: str | None = TOKEN
) -> pb.CopilotToken:
    metadata = (("authorization", f"Bearer {token}"),) if token is not None else ()
    answer: pb.GetCopilotTokenResponse = await TokenServiceStub(channel).GetCopilotToken(
        pb.GetCopilotTokenRequest(account=account), timeout=5, metadata=metadata
    )
    return answer.token


async def refusal(
    channel: grpc.aio.Channel, account: str = "seat-1", token: str | None = TOKEN
) -> tuple[grpc.StatusCode, str, str]:
    """Status, reason and text of a call that is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await get(channel, account, token)
    return raised.value.code(), reason_of(raised.value), raised.value.details() or ""


def reason_of(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return str(info.reason)
    return ""
