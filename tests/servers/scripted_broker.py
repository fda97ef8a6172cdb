"""A token broker in this process that answers as a test tells it: real gRPC on a real socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import (
    TokenServiceServicer,
    add_TokenServiceServicer_to_server,
)

T = TypeVar("T")


def token(
    generation: int = 1,
    expires_in: float = 1800,
    refresh_in: float = 1500,
    account: str = "seat-1",
) -> pb.CopilotToken:
    """A token whose value names its generation."""
    return pb.CopilotToken(
        value=f"token-{generation}",
        account=account,
        api_base_url="https://api.githubcopilot.com",
        generation=generation,
        strategy="exchange",
        headers={"Editor-Version": "copilot-gateway/test"},
        expires_in=_duration(expires_in),
        refresh_in=_duration(refresh_in),
        token_id=f"id-{generation}",
    )


@dataclass(frozen=True)
class Failure:
    """A failed RPC with the details the broker sends."""

    code: grpc.StatusCode
    reason: str = ""
    retry_after: float | None = None


@dataclass
class ScriptedBroker(TokenServiceServicer):
    """Gives the answers in order, the last one again and again; remembers what it was asked.

    answers: to GetCopilotToken. verdicts: to InvalidateCopilotToken, the token_id that is current.
    on_watch: what a stream begins with, by account. hold: while it is there and not set,
    GetCopilotToken is not answered.
    """

    answers: list[pb.CopilotToken | Failure] = field(default_factory=lambda: [token()])
    verdicts: list[str | Failure] = field(default_factory=lambda: [""])
    on_watch: dict[str, pb.CopilotToken] = field(default_factory=dict)
    refuse_streams: Failure | None = None
    hold: asyncio.Event | None = None
    calls: list[str] = field(default_factory=list)
    complaints: list[tuple[str, str, str]] = field(default_factory=list)
    deadlines: list[float | None] = field(default_factory=list)
    watched: list[list[str]] = field(default_factory=list)
    bearers: list[str] = field(default_factory=list)
    traceparents: list[str] = field(default_factory=list)
    streams: list[asyncio.Queue[pb.WatchCopilotTokenResponse | Failure]] = field(
        default_factory=list
    )

    async def GetCopilotToken(
        self,
        request: pb.GetCopilotTokenRequest,
        context: grpc.aio.ServicerContext[pb.GetCopilotTokenRequest, pb.GetCopilotTokenResponse],
    ) -> pb.GetCopilotTokenResponse:
        self.calls.append(request.account)
        self.deadlines.append(context.time_remaining())
        self._note(context)
        answer = _next(self.answers)
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(answer, Failure):
            await context.abort_with_status(rpc_status.to_status(_status(answer)))
        assert isinstance(answer, pb.CopilotToken)
        return pb.GetCopilotTokenResponse(token=answer)

    async def InvalidateCopilotToken(
        self,
        request: pb.InvalidateCopilotTokenRequest,
        context: grpc.aio.ServicerContext[
            pb.InvalidateCopilotTokenRequest, pb.InvalidateCopilotTokenResponse
        ],
    ) -> pb.InvalidateCopilotTokenResponse:
        self.complaints.append((request.account, request.token_id, request.reason))
        self.deadlines.append(context.time_remaining())
        self._note(context)
        verdict = _next(self.verdicts)
        if isinstance(verdict, Failure):
            await context.abort_with_status(rpc_status.to_status(_status(verdict)))
        assert isinstance(verdict, str)
        return pb.InvalidateCopilotTokenResponse(token_id=verdict)

    async def WatchCopilotToken(
        self,
        request: pb.WatchCopilotTokenRequest,
        context: grpc.aio.ServicerContext[
            pb.WatchCopilotTokenRequest, pb.WatchCopilotTokenResponse
        ],
    ) -> AsyncIterator[pb.WatchCopilotTokenResponse]:
        self.watched.append(list(request.accounts))
        self._note(context)
        if self.refuse_streams is not None:
            await context.abort_with_status(rpc_status.to_status(_status(self.refuse_streams)))
        changes: asyncio.Queue[pb.WatchCopilotTokenResponse | Failure] = asyncio.Queue()
        self.streams.append(changes)
        try:
            for account in request.accounts:
                if account in self.on_watch:
                    yield pb.WatchCopilotTokenResponse(token=self.on_watch[account])
            while True:
                change = await changes.get()
                if isinstance(change, Failure):
                    await context.abort_with_status(rpc_status.to_status(_status(change)))
                assert isinstance(change, pb.WatchCopilotTokenResponse)
                yield change
        finally:
            self.streams.remove(changes)

    def push(self, *tokens: pb.CopilotToken) -> None:
        """Send tokens on every open stream."""
        for stream in self.streams:
            for each in tokens:
                stream.put_nowait(pb.WatchCopilotTokenResponse(token=each))

    def remove(self, account: str) -> None:
        """Say on every open stream that an account is gone."""
        for stream in self.streams:
            stream.put_nowait(pb.WatchCopilotTokenResponse(removed_account=account))

    def break_streams(self, failure: Failure) -> None:
        """End every open stream."""
        for stream in self.streams:
            stream.put_nowait(failure)

    def _note(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        presented = dict(context.invocation_metadata() or ())
        self.bearers.append(str(presented.get("authorization", "")))
        self.traceparents.append(str(presented.get("traceparent", "")))


def _next(script: list[T]) -> T:
    return script.pop(0) if len(script) > 1 else script[0]


@asynccontextmanager
async def serving(
    broker: ScriptedBroker,
    port: int = 0,
    credentials: grpc.ServerCredentials | None = None,
    options: Sequence[tuple[str, int]] = (),
) -> AsyncIterator[int]:
    """Serve on loopback, with TLS where there are credentials; gives the port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), *options])
    add_TokenServiceServicer_to_server(broker, server)
    if credentials is None:
        bound = server.add_insecure_port(f"127.0.0.1:{port}")
    else:
        bound = server.add_secure_port(f"127.0.0.1:{port}", credentials)
    await server.start()
    try:
        yield bound
    finally:
        await server.stop(0)


def _status(failure: Failure) -> status_pb2.Status:
    status = status_pb2.Status(code=failure.code.value[0], message="the broker's own words")
    if failure.reason:
        info = error_details_pb2.ErrorInfo(
            reason=failure.reason, domain="token-service", metadata={"notification_id": "n"}
        )
        status.details.append(_packed(info))
    if failure.retry_after is not None:
        retry = error_details_pb2.RetryInfo(retry_delay=_duration(failure.retry_after))
        status.details.append(_packed(retry))
    return status


def _packed(message: error_details_pb2.ErrorInfo | error_details_pb2.RetryInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(message)
    return packed


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(int(seconds * 1e9))
    return duration
