"""A key's rate at the front: who is let through, and what every answer says of it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from tests.servers.gateway_front import AUTHORIZATION, FrontUnderTest, WallClock, fronting
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
THEN = 1_795_646_482.5
"""2026-11-25T22:41:22.5Z."""
SSE, JSON = head("text/event-stream"), head("application/json")
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n'
)
DONE = b"data: [DONE]\n\n"
ANSWER: dict[str, Any] = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
    "usage": {"prompt_tokens": 50, "completion_tokens": 7},
}
MESSAGE = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [],
    "usage": {"input_tokens": 50, "output_tokens": 7},
}
WHOLE: list[Step] = [JSON, chunk(json.dumps(ANSWER).encode()), chunk(b"")]
STREAM: list[Step] = [SSE, chunk(EVENT + DONE), chunk(b"")]


def said(**left: int) -> dict[str, str]:
    """OpenAI's headers, by measure what is left; of limits of 3 requests and 100 tokens."""
    limits = {"requests": 3, "tokens": 100}
    return {
        f"x-ratelimit-{what}-{measure}": value
        for measure, remaining in left.items()
        for what, value in (
            ("limit", str(limits[measure])),
            ("remaining", str(remaining)),
            ("reset", "38s"),
        )
    }


async def ask(
    front: FrontUnderTest, path: str = CHAT, *, stream: bool = False, **more: Any
) -> tuple[int, Mapping[str, str], Any]:
    """Status, headers that tell of a rate, and the body."""
    message = {"role": "user", "content": "hello"}
    body = {"model": "m", "stream": stream, "messages": [message], "max_tokens": 9, **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(front.url + path, json=body, headers=AUTHORIZATION) as answer,
    ):
        content = await answer.read()
        told = {name: value for name, value in answer.headers.items() if "ratelimit" in name}
        return answer.status, told, content


async def usage(front: FrontUnderTest, query: str = "") -> Any:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{front.url}/v1/usage{query}", headers=AUTHORIZATION) as answer,
    ):
        return await answer.json()


async def test_answers_whole_and_streamed_and_refusals_say_what_is_left() -> None:
    clock = WallClock(THEN)
    async with (
        playing(RawUpstream(WHOLE)) as upstream,
        fronting(upstream.url, rate=Rate(3, None), clock=clock) as front,
    ):
        assert (await ask(front))[:2] == (200, said(requests=2))
        upstream.script = STREAM
        status, told, content = await ask(front, stream=True)
        assert (status, told) == (200, said(requests=1))
        assert content.endswith(DONE)
        upstream.script = WHOLE
        assert (await ask(front))[:2] == (200, said(requests=0))
        status, told, content = await ask(front)
        assert (status, told) == (429, said(requests=0))
        error = json.loads(content)["error"]
        assert (error["type"], error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
        assert error["message"].startswith("This key may send 3 requests a minute; ")
        assert len(upstream.requests) == 3

        clock.wall += 37.5
        assert (await ask(front))[0] == 200


async def test_tokens_of_an_answer_count_for_the_next() -> None:
    async with (
        playing(RawUpstream(WHOLE)) as upstream,
        fronting(upstream.url, rate=Rate(3, 100), clock=WallClock(THEN)) as front,
    ):
        assert (await ask(front))[1] == said(requests=2, tokens=100)
        assert (await ask(front))[1] == said(requests=1, tokens=43)
        status, told, content = await ask(front)
        assert (status, told) == (429, said(requests=1, tokens=0))
        assert b"100 tokens a minute" in content


async def test_callers_of_messages_read_anthropics_headers_too() -> None:
    script = [JSON, chunk(json.dumps(MESSAGE).encode()), chunk(b"")]
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, rate=Rate(1, None), clock=WallClock(THEN)) as front,
    ):
        for status in (200, 429):
            found, told, _ = await ask(front, MESSAGES)
            assert found == status
            assert told["anthropic-ratelimit-requests-limit"] == "1"
            assert told["anthropic-ratelimit-requests-remaining"] == "0"
            assert told["anthropic-ratelimit-requests-reset"] == "2026-11-25T22:42:00Z"
            assert told["x-ratelimit-reset-requests"] == "38s"


async def test_what_upstream_has_not_answered_takes_no_place() -> None:
    async with (
        playing(RawUpstream([Act.CLOSE])) as upstream,
        fronting(upstream.url, rate=Rate(3, None), clock=WallClock(THEN)) as front,
    ):
        for _ in range(5):
            status, told, _ = await ask(front)
            assert (status, told) == (502, said(requests=2))
        assert (await usage(front))["rate"]["requests"]["used"] == 0


async def test_a_caller_that_leaves_has_had_its_place() -> None:
    async with (
        playing(RawUpstream([Act.SILENCE])) as upstream,
        fronting(upstream.url, rate=Rate(1, None), clock=WallClock(THEN)) as front,
    ):
        asking = asyncio.ensure_future(ask(front))
        await upstream.arrived.wait()
        asking.cancel()
        async with asyncio.timeout(5):
            while not front.journal.records:
                await asyncio.sleep(0.002)
        assert (await ask(front))[0] == 429


async def test_a_budget_that_is_used_up_is_said_first_and_is_not_to_be_asked_for_again() -> None:
    budget = Budget(Period.DAY, requests=1)
    async with (
        playing(RawUpstream(WHOLE)) as upstream,
        fronting(upstream.url, budget=budget, rate=Rate(3, None), clock=WallClock(THEN)) as front,
    ):
        assert (await ask(front))[0] == 200
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                front.url + CHAT,
                json={"model": "m", "messages": [{"role": "user", "content": "hello"}]},
                headers=AUTHORIZATION,
            ) as answer,
        ):
            assert answer.headers["x-gateway-error"] == "policy_budget"
            assert answer.headers["x-should-retry"] == "false"
            assert answer.headers["x-ratelimit-remaining-requests"] == "2"


async def test_a_key_without_a_rate_is_told_of_none() -> None:
    async with playing(RawUpstream(WHOLE)) as upstream, fronting(upstream.url) as front:
        assert (await ask(front))[:2] == (200, {})
        assert (await usage(front))["rate"] is None


async def test_usage_shows_this_minute() -> None:
    async with (
        playing(RawUpstream(WHOLE)) as upstream,
        fronting(upstream.url, rate=Rate(3, None), clock=WallClock(THEN)) as front,
    ):
        await ask(front)
        found = await usage(front)
        assert found["rate"] == {
            "resets_at": "2026-11-25T22:42:00Z",
            "requests": {"limit": 3, "used": 1, "remaining": 2},
            "tokens": None,
        }
        assert found["budgets"] == []
        refused = await usage(front, "?period=minute")
        assert refused["error"]["param"] == "period"
