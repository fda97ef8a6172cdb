"""USE CASE: one inference request to one account, up to the first byte of the answer.

token → upstream → classify. Knows no HTTP server and no client library. What it hands out is an
open answer; whoever takes it passes the bytes on. A token that upstream refuses is replaced once,
which is possible since nothing has gone to the caller yet.
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.domain import headers, upstream_errors
from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.ports import (
    AccountToken,
    Clock,
    Exchange,
    TokenProvider,
    Upstream,
    UpstreamReply,
    UpstreamRequest,
)


class Relay:
    """Sends calls upstream."""

    def __init__(self, tokens: TokenProvider, upstream: Upstream, clock: Clock) -> None:
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock

    @asynccontextmanager
    async def open(self, call: Call, exchange: Exchange) -> AsyncIterator[UpstreamReply]:
        """The answer to a call, once upstream has accepted it.

        Raises GatewayError for everything that is no success. Leaving the context ends the
        upstream request, finished or not.
        """
        token = await self._tokens.get(call.account)
        async with self._attempt(call, token, exchange) as (reply, refusal):
            if refusal is None:
                yield reply
                return
        newer = await self._instead_of(token, refusal)
        if newer is None:
            raise refusal
        async with self._attempt(call, newer, exchange) as (reply, refusal):
            if refusal is not None:
                raise refusal
            yield reply

    async def _instead_of(self, token: AccountToken, refusal: GatewayError) -> AccountToken | None:
        """Another token of the account, where that may help."""
        if refusal.fault is not Fault.SEAT_TOKEN_REJECTED:
            return None
        return await self._tokens.invalidate(token.account, token.token_id)

    @asynccontextmanager
    async def _attempt(
        self, call: Call, token: AccountToken, exchange: Exchange
    ) -> AsyncIterator[tuple[UpstreamReply, GatewayError | None]]:
        """Upstream's answer, and what it means if it is a refusal."""
        request = UpstreamRequest(
            method="POST",
            url=token.api_base_url + call.path,
            headers=headers.for_upstream(
                caller=call.caller_headers,
                token_value=token.value,
                token_headers=token.headers,
                attempt_id=str(uuid.uuid4()),
                initiator=call.verdict.initiator,
                vision=call.vision,
                stream=call.stream,
            ),
            body=call.body,
        )
        sent = self._clock.monotonic()
        async with self._upstream.send(request) as reply:
            exchange.upstream_seconds += self._clock.monotonic() - sent
            refused = reply.status != 200
            yield reply, await refusal_of(reply, self._clock.now()) if refused else None


async def refusal_of(reply: UpstreamReply, now: float) -> GatewayError:
    """The caller's error for an answer that is no success."""
    body = await reply.read(upstream_errors.MAX_BODY_BYTES)
    refusal = upstream_errors.read_refusal(reply.status, reply.headers, body, now)
    return upstream_errors.explain(refusal)
