"""Callers of the RPC in numbers: each call's outcome and how long it took."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub

Metadata = tuple[tuple[str, str], ...]


@dataclass
class Outcomes:
    """What became of many calls. delays: RetryInfo of each failed one, in seconds."""

    tokens: list[pb.CopilotToken] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    delays: list[float | None] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return len(self.seconds)

    @property
    def generations(self) -> set[int]:
        return {token.generation for token in self.tokens}

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the calls was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    async def get(
        self, channel: grpc.aio.Channel, account: str, metadata: Metadata, deadline: float = 30
    ) -> None:
        """One GetCopilotToken, counted."""
        began = time.monotonic()
        try:
            answer = await TokenServiceStub(channel).GetCopilotToken(
                pb.GetCopilotTokenRequest(account=account), timeout=deadline, metadata=metadata
            )
            self.tokens.append(answer.token)
        except grpc.aio.AioRpcError as error:
            self.errors[f"{error.code().name}: {error.details()}"] += 1
            self.delays.append(delay_of(error))
        finally:
            self.seconds.append(time.monotonic() - began)


def delay_of(error: grpc.aio.AioRpcError) -> float | None:
    """Seconds of the RetryInfo a failed call carries; None for none."""
    status = rpc_status.from_call(error)
    retry = error_details_pb2.RetryInfo()
    found = status is not None and any(detail.Unpack(retry) for detail in status.details)
    return float(retry.retry_delay.ToMilliseconds()) / 1000 if found else None


async def warm(channels: Sequence[grpc.aio.Channel]) -> None:
    """Connect every channel."""
    await asyncio.gather(*(channel.channel_ready() for channel in channels))


async def at_rate(call: Callable[[int], Awaitable[None]], per_second: float, until: float) -> None:
    """Start calls at an even pace until a monotonic time; wait for all of them."""
    began = time.monotonic()
    number = 0
    async with asyncio.TaskGroup() as group:
        while (now := time.monotonic()) < until:
            while number <= (now - began) * per_second:
                group.create_task(_ignored(call(number)))
                number += 1
            await asyncio.sleep(1 / per_second)


async def _ignored(call: Awaitable[None]) -> None:
    await call
