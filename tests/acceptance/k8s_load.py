"""People with the official SDKs before a Service: whole answers and streams."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Self

import anthropic
import openai

from tests.servers.gateway_callers import answer_to

GPT, CLAUDE = "gpt-4o-mini", "claude-sonnet-4.6"
SAID_CHARACTERS = 144
PATIENCE_SECONDS = 120.0
MOST_TOKENS = 4096


def long_question(name: str) -> str:
    """What somebody says; its answer is always as long."""
    return f"{name} ".ljust(SAID_CHARACTERS, ".")


class Load:
    """Callers who ask one question after the other until they are told to stop.

    retries: how often an SDK tries again; its own default is 2.
    outcomes: kind of request, then `complete` or what went wrong.
    """

    def __init__(self, url: str, key: str, retries: int = 0) -> None:
        self._stack = AsyncExitStack()
        self._url, self._key, self._retries = url, key, retries
        self.outcomes: Counter[str] = Counter()
        self.stopping = asyncio.Event()
        self._openai: openai.AsyncOpenAI
        self._anthropic: anthropic.AsyncAnthropic

    async def __aenter__(self) -> Self:
        self._openai = await self._stack.enter_async_context(
            openai.AsyncOpenAI(
                base_url=f"{self._url}/v1",
                api_key=self._key,
                max_retries=self._retries,
                timeout=PATIENCE_SECONDS,
            )
        )
        self._anthropic = await self._stack.enter_async_context(
            anthropic.AsyncAnthropic(
                base_url=self._url,
                api_key=self._key,
                max_retries=self._retries,
                timeout=PATIENCE_SECONDS,
            )
        )
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    @property
    def complete(self) -> int:
        """How many requests were answered as they should be."""
        return sum(n for what, n in self.outcomes.items() if what.endswith(" complete"))

    def count(self, word: str) -> int:
        """How many of a kind were complete, by a word of its name."""
        return sum(n for what, n in self.outcomes.items() if word in what.removesuffix(" complete"))

    @property
    def faults(self) -> dict[str, int]:
        """Everything else."""
        return {what: n for what, n in self.outcomes.items() if not what.endswith(" complete")}

    async def once(self) -> None:
        """One request of each kind."""
        for kind in self._kinds:
            await self.ask(kind, kind)

    async def ask(self, kind: str, name: str) -> None:
        """One request of this kind."""
        await self._ask(kind, self._kinds[kind], name)

    async def go_on(self, streams: int, wholes: int, pause: float) -> None:
        """So many callers of each kind until `stopping` is set; what was begun is finished."""
        async with asyncio.TaskGroup() as callers:
            for kind, ask in self._kinds.items():
                is_stream = kind.endswith("stream")
                for number in range(streams if is_stream else wholes):
                    wait = 0.0 if is_stream else pause
                    callers.create_task(self._go_on(kind, ask, number, wait))

    @property
    def _kinds(self) -> dict[str, Callable[[str], Awaitable[str]]]:
        return {
            "openai whole": self._openai_whole,
            "openai stream": self._openai_stream,
            "anthropic whole": self._anthropic_whole,
            "anthropic stream": self._anthropic_stream,
        }

    async def _go_on(
        self, kind: str, ask: Callable[[str], Awaitable[str]], number: int, pause: float
    ) -> None:
        turn = 0
        while not self.stopping.is_set():
            await self._ask(kind, ask, f"{kind} {turn} of {number}")
            await asyncio.sleep(pause)
            turn += 1

    async def _ask(self, kind: str, ask: Callable[[str], Awaitable[str]], name: str) -> None:
        said = long_question(name)
        model = GPT if kind.startswith("openai") else CLAUDE
        try:
            is_right = await ask(said) == answer_to(said, model)
            self.outcomes[f"{kind} {'complete' if is_right else 'cut'}"] += 1
        except (openai.OpenAIError, anthropic.AnthropicError) as error:
            told = getattr(error, "body", None) or error.__cause__ or error
            self.outcomes[f"{kind} {type(error).__name__}: {told!r}"] += 1
        except Exception as error:
            # An SDK that meets half an event may raise anything; the test says which.
            self.outcomes[f"{kind} {type(error).__name__}: {error}"] += 1

    async def _openai_whole(self, said: str) -> str:
        answer = await self._openai.chat.completions.create(
            model=GPT, messages=[{"role": "user", "content": said}]
        )
        return answer.choices[0].message.content or ""

    async def _openai_stream(self, said: str) -> str:
        stream = await self._openai.chat.completions.create(
            model=GPT, messages=[{"role": "user", "content": said}], stream=True
        )
        text, reason = "", None
        async for chunk in stream:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                reason = choice.finish_reason or reason
        return text if reason == "stop" else f"ended with {reason}"

    async def _anthropic_whole(self, said: str) -> str:
        answer = await self._anthropic.messages.create(
            model=CLAUDE, max_tokens=MOST_TOKENS, messages=[{"role": "user", "content": said}]
        )
        return "".join(block.text for block in answer.content if block.type == "text")

    async def _anthropic_stream(self, said: str) -> str:
        stream = await self._anthropic.messages.create(
            model=CLAUDE,
            max_tokens=MOST_TOKENS,
            messages=[{"role": "user", "content": said}],
            stream=True,
        )
        text, is_over = "", False
        async for event in stream:
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                text += event.delta.text
            is_over = event.type == "message_stop"
        return text if is_over else "ended without message_stop"
