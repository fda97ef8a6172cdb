"""The broker's RPCs as this client uses them: proto ⇄ values, deadlines, another try elsewhere.

A call that failed on its way, or met a replica that is leaving, is made again: the next replica
may be well, and all three RPCs may be repeated. What a replica has decided is not asked again.
"""

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.duration_pb2 import Duration

from protos.token_service.v1 import token_service_pb2 as pb
from token_client.connection import Connection, Link, Metadata
from token_client.errors import BrokerUnreachable, TokenError
from token_client.lifetime import lifetime, pause_after
from token_client.status import error_of
from token_client.token import Removed, Token

T = TypeVar("T")

READY_SLICE_SECONDS = 0.5
"""How long one channel is waited for before looking whether a newer one has taken its place."""

MOST_ATTEMPTS = 5
MAX_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds; see TokenClient."""

    connect: float
    attempt: float
    call: float


class Calls:
    """Calls over one connection. sleep, jitter: for the pauses between attempts."""

    def __init__(
        self,
        connection: Connection,
        patience: Patience,
        clock: Callable[[], float],
        jitter: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]],
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._clock = clock
        self._jitter = jitter
        self._sleep = sleep

    async def get(self, account: str) -> Token:
        """GetCopilotToken. Raises TokenError."""
        request = pb.GetCopilotTokenRequest(account=account)

        async def ask(link: Link) -> Token:
            asked_at = self._clock()
            answer = await link.stub.GetCopilotToken(
                request, timeout=self._patience.attempt, metadata=self._connection.metadata
            )
            return token_of(answer.token, asked_at)

        return await self._answer(ask)

    async def invalidate(self, account: str, token_id: str, reason: str) -> None:
        """InvalidateCopilotToken. Raises TokenError."""
        request = pb.InvalidateCopilotTokenRequest(
            account=account, token_id=token_id, reason=reason[:MAX_REASON_CHARACTERS]
        )

        async def complain(link: Link) -> None:
            await link.stub.InvalidateCopilotToken(
                request, timeout=self._patience.attempt, metadata=self._connection.metadata
            )

        await self._answer(complain)

    async def watch(self, accounts: Sequence[str]) -> AsyncGenerator[Token | Removed]:
        """WatchCopilotToken, until it breaks. Always ends by raising TokenError.

        A stream knows no moment of asking: its tokens' lives are counted from their arrival.
        """
        async with self._connection.link() as link:
            call = link.stub.WatchCopilotToken(
                pb.WatchCopilotTokenRequest(accounts=accounts), metadata=self._connection.metadata
            )
            try:
                async for change in call:
                    match change.WhichOneof("event"):
                        case "token":
                            yield token_of(change.token, self._clock())
                        case "removed_account":
                            yield Removed(change.removed_account)
                        case _:
                            pass  # of a newer broker
            except grpc.aio.AioRpcError as failure:
                raise error_of(failure) from None
            finally:
                call.cancel()
        raise BrokerUnreachable("the token broker has ended the stream")

    async def _answer(self, ask: Callable[[Link], Awaitable[T]]) -> T:
        """The answer of the first replica that gives one."""
        last: TokenError = BrokerUnreachable(
            f"no answer from the token broker in {self._patience.call:g} s"
        )
        try:
            async with asyncio.timeout(self._patience.call):
                for attempt in range(1, MOST_ATTEMPTS + 1):
                    presented = self._connection.metadata
                    async with self._ready() as link:
                        try:
                            return await ask(link)
                        except grpc.aio.AioRpcError as failure:
                            last = error_of(failure)
                    if not self._is_worth_another(last, presented) or attempt == MOST_ATTEMPTS:
                        break
                    await self._sleep(pause_after(attempt, None, self._jitter()))
        except TimeoutError:
            pass
        raise last

    def _is_worth_another(self, error: TokenError, presented: Metadata) -> bool:
        if error.reason == "CALLER_UNAUTHENTICATED":
            # The broker may have learnt of our new token before we have.
            self._connection.look()
            return self._connection.metadata != presented
        return isinstance(error, BrokerUnreachable) or error.reason == "DRAINING"

    @asynccontextmanager
    async def _ready(self) -> AsyncIterator[Link]:
        """A channel with a replica behind it. Raises BrokerUnreachable when there is none."""
        connect = self._patience.connect
        for _ in range(math.ceil(connect / READY_SLICE_SECONDS)):
            async with self._connection.link() as link:
                if await _is_ready(link, min(connect, READY_SLICE_SECONDS)):
                    yield link
                    return
        raise BrokerUnreachable(f"the token broker did not answer within {connect:g} s")


async def _is_ready(link: Link, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await link.channel.channel_ready()
    except TimeoutError:
        return False
    return True


def token_of(message: pb.CopilotToken, asked_at: float) -> Token:
    """The token as a value, its life counted from monotonic `asked_at`."""
    return Token(
        account=message.account,
        value=message.value,
        api_base_url=message.api_base_url,
        headers=dict(message.headers),
        token_id=message.token_id,
        generation=message.generation,
        sku=message.sku,
        strategy=message.strategy,
        lifetime=lifetime(asked_at, _seconds(message.expires_in), _seconds(message.refresh_in)),
    )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
