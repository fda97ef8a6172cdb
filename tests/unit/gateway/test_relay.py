"""One inference request: the token, the answer, and what a refused token means."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.initiator import BY_DEFAULT
from gateway.ports import Exchange, UpstreamReply, UpstreamRequest
from gateway.relay import Relay
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import FakeTokens

pytestmark = pytest.mark.anyio
UPSTREAM_SECONDS = 2.0


@dataclass
class Reply:
    status: int
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    closed: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self.body

    async def read(self, limit: int) -> bytes:
        return self.body[:limit]


@dataclass
class Upstream:
    """Gives the replies in order; each takes two seconds."""

    replies: list[Reply]
    clock: FakeClock
    requests: list[UpstreamRequest] = field(default_factory=list)

    @asynccontextmanager
    async def send(self, request: UpstreamRequest) -> AsyncIterator[UpstreamReply]:
        assert all(reply.closed for reply in self.replies[: len(self.requests)])
        reply = self.replies[len(self.requests)]
        self.requests.append(request)
        await self.clock.advance(UPSTREAM_SECONDS)
        try:
            yield reply
        finally:
            reply.closed = True

    def tokens(self) -> list[str]:
        return [request.headers["Authorization"] for request in self.requests]


def a_call() -> Call:
    return Call(
        path="/chat/completions",
        account="seat-1",
        model="m",
        stream=False,
        vision=False,
        verdict=BY_DEFAULT,
        body=b"the caller's bytes",
        caller_headers={},
    )


async def status_of(relay: Relay, exchange: Exchange) -> int:
    async with relay.open(a_call(), exchange) as reply:
        return reply.status


def relaying(*statuses: int, newer: str | None = None) -> tuple[Relay, Upstream, FakeTokens]:
    clock = FakeClock()
    upstream = Upstream([Reply(status) for status in statuses], clock)
    tokens = FakeTokens("https://up", newer=newer)
    return Relay(tokens, upstream, clock), upstream, tokens


def an_exchange() -> Exchange:
    return Exchange("id", "chat", 0.0)


async def test_an_accepted_request_is_sent_once() -> None:
    relay, upstream, tokens = relaying(200)
    assert await status_of(relay, an_exchange()) == 200
    assert (len(upstream.requests), tokens.refused) == (1, [])
    assert upstream.replies[0].closed


async def test_a_refused_token_is_complained_about_and_the_new_one_is_tried() -> None:
    relay, upstream, tokens = relaying(401, 200, newer="the-new-token")
    exchange = an_exchange()
    assert await status_of(relay, exchange) == 200
    assert tokens.refused == [("seat-1", "the-token")]
    assert upstream.tokens() == ["Bearer the-token", "Bearer the-new-token"]
    assert {request.body for request in upstream.requests} == {b"the caller's bytes"}
    assert exchange.upstream_seconds == 2 * UPSTREAM_SECONDS


async def test_a_new_token_is_tried_once_and_never_twice() -> None:
    relay, upstream, tokens = relaying(401, 401, 200, newer="the-new-token")
    with pytest.raises(GatewayError) as caught:
        await status_of(relay, an_exchange())
    assert caught.value.fault is Fault.SEAT_TOKEN_REJECTED
    assert (len(upstream.requests), len(tokens.refused)) == (2, 1)


async def test_without_another_token_the_refusal_is_the_answer() -> None:
    relay, upstream, tokens = relaying(401, 200)
    with pytest.raises(GatewayError) as caught:
        await status_of(relay, an_exchange())
    assert caught.value.fault is Fault.SEAT_TOKEN_REJECTED
    assert (len(upstream.requests), len(tokens.refused)) == (1, 1)


@pytest.mark.parametrize("status", [400, 402, 403, 404, 421, 429, 500, 503])
async def test_no_other_refusal_is_the_tokens_fault(status: int) -> None:
    relay, upstream, tokens = relaying(status, 200, newer="the-new-token")
    with pytest.raises(GatewayError):
        await status_of(relay, an_exchange())
    assert (len(upstream.requests), tokens.refused) == (1, [])


async def test_what_goes_wrong_after_the_answer_began_is_not_tried_again() -> None:
    relay, upstream, _ = relaying(200, 200)
    with pytest.raises(GatewayError):
        async with relay.open(a_call(), an_exchange()):
            raise GatewayError(Fault.SEAT_TOKEN_REJECTED, "late")
    assert len(upstream.requests) == 1
