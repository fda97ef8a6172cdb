"""The official SDKs come back when our errors say so, and not where that is of no use.

The gateway is in this process: a wait that an SDK wants moves its clock and takes no time.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anthropic
import anyio
import openai
import pytest

from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from tests.servers.gateway_front import KEY, FrontUnderTest, WallClock, fronting
from tests.servers.raw_upstream import RawUpstream, chunk, head, playing

THEN = 1_795_646_482.5
"""2026-11-25T22:41:22.5Z: the minute has 37.5 s left, the day an hour and more."""
SAID: Any = [{"role": "user", "content": "Say hello."}]
COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    ],
}
MESSAGE = {
    "id": "1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 5, "output_tokens": 1},
}
REFUSED = (openai.RateLimitError, anthropic.RateLimitError)
Ask = Callable[[str], Awaitable[Any]]


async def ask_openai(url: str) -> Any:
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key=KEY, timeout=10) as client:
        return await client.chat.completions.create(model="m", messages=SAID)


async def ask_anthropic(url: str) -> Any:
    async with anthropic.AsyncAnthropic(base_url=url, api_key=KEY, timeout=10) as client:
        return await client.messages.create(model="m", max_tokens=9, messages=SAID)


WAYS = [
    pytest.param(ask_openai, COMPLETION, id="openai"),
    pytest.param(ask_anthropic, MESSAGE, id="anthropic"),
]
pytestmark = [pytest.mark.anyio, pytest.mark.parametrize(("ask", "answer"), WAYS)]


@dataclass
class Waits:
    """What the SDK has waited for; the gateway's clock goes on meanwhile."""

    clock: WallClock
    seconds: list[float] = field(default_factory=list)
    then: Callable[[], None] = lambda: None

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.clock.wall += seconds
        self.then()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    waits = Waits(WallClock(THEN))
    monkeypatch.setattr(anyio, "sleep", waits)
    return waits


@asynccontextmanager
async def serving(answer: Any, waits: Waits, **limits: Any) -> AsyncIterator[FrontUnderTest]:
    script = [head("application/json"), chunk(json.dumps(answer).encode()), chunk(b"")]
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, clock=waits.clock, **limits) as front,
    ):
        yield front


def requests(front: FrontUnderTest) -> int:
    return len(front.events.ended)


async def test_who_is_too_fast_comes_back_when_the_minute_begins(
    ask: Ask, answer: Any, waits: Waits
) -> None:
    async with serving(answer, waits, rate=Rate(1, None)) as front:
        await ask(front.url)
        assert waits.seconds == []
        await ask(front.url)
        assert waits.seconds == [38.0], "as Retry-After says, and once"
        assert requests(front) == 3


async def test_a_budget_that_is_used_up_is_not_asked_for_again(
    ask: Ask, answer: Any, waits: Waits
) -> None:
    budget = Budget(Period.DAY, requests=1)
    async with serving(answer, waits, budget=budget) as front:
        await ask(front.url)
        with pytest.raises(REFUSED) as caught:
            await ask(front.url)
        assert isinstance(caught.value, REFUSED)
        headers = caught.value.response.headers
        assert (headers["x-should-retry"], headers["retry-after"]) == ("false", "4718")
        assert waits.seconds == []
        assert requests(front) == 2


async def test_a_budget_is_not_asked_for_again_even_when_its_end_is_near(
    ask: Ask, answer: Any, waits: Waits
) -> None:
    """Retry-After alone would have an SDK wait for it."""
    waits.clock.wall += 4_700
    async with serving(answer, waits, budget=Budget(Period.DAY, requests=1)) as front:
        await ask(front.url)
        with pytest.raises(REFUSED):
            await ask(front.url)
        assert waits.seconds == []


async def test_what_the_gateway_cannot_do_at_the_moment_is_asked_for_again(
    ask: Ask, answer: Any, waits: Waits
) -> None:
    async with serving(answer, waits) as front:
        front.journal.has_room = False

        def make_room() -> None:
            front.journal.has_room = len(waits.seconds) == 2

        waits.then = make_room
        await ask(front.url)
        assert waits.seconds == [10.0, 10.0]
        assert [each.fault for each in front.events.ended] == ["gateway_journal_full"] * 2 + [""]
