"""Callers of every kind, each request with a mark of its own, and what they were told."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.servers.gateway_callers import Call, Reply, question
from tests.servers.simulator import Seen
from tests.servers.usage_rows import Row

CHUNK_SECONDS = 0.01
SLOW_STREAMS = {
    "match": {"endpoint": ["chat", "responses", "messages"], "stream": True},
    "script": {"chunk_delay_seconds": CHUNK_SECONDS},
}
LONGEST_STAY_BYTES = 3000
NOBODY_THERE_SECONDS = 0.05


@dataclass(frozen=True)
class Kind:
    """One way to ask. end: what a whole stream has in it; empty for whole answers."""

    path: str
    model: str
    end: bytes = b""
    leaves: bool = False

    def body(self, said: str) -> dict[str, Any]:
        if self.path == "/v1/embeddings":
            return {"model": self.model, "input": said}
        if self.path == "/v1/responses":
            return {"model": self.model, "input": said, "stream": bool(self.end)}
        more = {"max_tokens": 200} if self.path == "/v1/messages" else {}
        return question(said, stream=bool(self.end), model=self.model, **more)


CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
KINDS: tuple[Kind, ...] = (
    Kind(CHAT, "gpt-4o-mini"),
    Kind(CHAT, "gpt-4o-mini", b"data: [DONE]"),
    Kind(CHAT, "claude-sonnet-4.6", b"data: [DONE]"),
    Kind(CHAT, "gpt-5.4", b"data: [DONE]"),
    Kind(RESPONSES, "gpt-5-mini"),
    Kind(RESPONSES, "gpt-5-mini", b"event: response.completed"),
    Kind(MESSAGES, "claude-sonnet-4.6"),
    Kind(MESSAGES, "claude-haiku-4.5", b"event: message_stop"),
    Kind(MESSAGES, "gpt-5-mini", b"event: message_stop"),
    Kind("/v1/embeddings", "text-embedding-3-small"),
    Kind(CHAT, "gpt-4o-mini", b"data: [DONE]", leaves=True),
    Kind(MESSAGES, "claude-sonnet-4.6", b"event: message_stop", leaves=True),
    Kind(RESPONSES, "gpt-5-mini", b"event: response.completed", leaves=True),
)


@dataclass(frozen=True)
class Asked:
    """One request and what came of it."""

    mark: str
    kind: Kind
    reply: Reply = field(repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether the caller has all of an answer, whether or not the connection ended well."""
        if self.reply.status != 200:
            return False
        return self.kind.end in self.reply.body if self.kind.end else self.reply.is_whole

    @property
    def request_id(self) -> str:
        return self.reply.headers["x-request-id"]


class Load:
    """Callers that ask one after the other until they are told to stop."""

    def __init__(self, urls: Sequence[str], key: str, kinds: Sequence[Kind] = KINDS) -> None:
        self._urls = urls
        self._key = key
        self._kinds = kinds
        self._numbers = itertools.count(1)
        self.asked: list[Asked] = []
        self.refused: Counter[str] = Counter()
        self.stopping = asyncio.Event()

    async def run(self, callers: int) -> None:
        """So many callers side by side, until `stopping` is set."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                luck = random.Random(number)  # noqa: S311  who leaves when, the same every time
                tasks.create_task(self._caller(luck))

    async def _caller(self, luck: random.Random) -> None:
        while not self.stopping.is_set():
            number = next(self._numbers)
            kind = self._kinds[number % len(self._kinds)]
            await self.ask(self._urls[number % len(self._urls)], f"m{number}", kind, luck)

    async def ask(self, url: str, mark: str, kind: Kind, luck: random.Random) -> None:
        """One request, and its answer as far as the caller waits for it."""
        body = kind.body(f"marker:{mark} says hello to the company, and asks how it is")
        try:
            async with Call(
                url, self._key, body, path=kind.path, headers={"x-request-id": mark}
            ) as call:
                if kind.leaves:
                    await call.read_until(luck.randrange(LONGEST_STAY_BYTES))
                    reply = call.so_far()
                else:
                    reply = await call.read_all()
        except ConnectionError:
            self.refused["no connection"] += 1
            await asyncio.sleep(NOBODY_THERE_SECONDS)
            return
        self.asked.append(Asked(mark, kind, reply))
        if reply.status not in (0, 200):
            self.refused[f"{reply.status} {reply.fault}"] += 1

    @property
    def complete(self) -> list[Asked]:
        """Those whose caller has all of the answer."""
        return [each for each in self.asked if each.is_complete]


# --- the ledger beside upstream's ----------------------------------------------------------------


def by_mark(rows: Sequence[Row]) -> Mapping[str, Row]:
    """One row for each request's mark. Fails when a mark has two."""
    counts = Counter(row["caller_request_id"] for row in rows)
    assert max(counts.values(), default=0) <= 1, [mark for mark, n in counts.items() if n > 1]
    return {row["caller_request_id"]: row for row in rows}


@dataclass
class Sums:
    """Tokens and credits added up."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0
    nano_aiu: int = 0

    def add_row(self, row: Row) -> None:
        self.input += row["input_tokens"]
        self.output += row["output_tokens"]
        self.cached += row["cached_tokens"]
        self.reasoning += row["reasoning_tokens"]
        self.nano_aiu += row["nano_aiu"] or 0

    def add_seen(self, seen: Seen) -> None:
        self.input += seen.prompt_tokens
        self.output += seen.completion_tokens
        self.cached += seen.cached_tokens
        self.reasoning += seen.reasoning_tokens
        self.nano_aiu += seen.nano_aiu

    def add(self, other: "Sums") -> None:
        self.input += other.input
        self.output += other.output
        self.cached += other.cached
        self.reasoning += other.reasoning
        self.nano_aiu += other.nano_aiu

    def is_within(self, other: "Sums") -> bool:
        """Whether nothing is more than the other's."""
        return (
            self.input <= other.input
            and self.output <= other.output
            and self.cached <= other.cached
            and self.reasoning <= other.reasoning
            and self.nano_aiu <= other.nano_aiu
        )


INFERENCE = frozenset({"chat", "responses", "messages", "embeddings"})


@dataclass(frozen=True)
class Figures:
    """What a comparison came to."""

    complete: int
    partial: int
    rows: int
    spent: Sums


def compare(rows: Sequence[Row], ledger: Sequence[Seen], load: Load) -> Figures:
    """Every promise of the ledger, over everything that was asked; fails where one is broken."""
    found = by_mark(rows)
    complete = {each.mark: each for each in load.complete}
    charged: dict[str, Sums] = {}
    for seen in ledger:
        if seen.endpoint in INFERENCE and seen.marker is not None:
            charged.setdefault(seen.marker, Sums()).add_seen(seen)
    missing = {*charged, *complete} - set(found)
    assert not missing, f"{len(missing)} requests have no record, such as {sorted(missing)[:5]}"
    ours, theirs = Sums(), Sums()
    for mark, asked in complete.items():
        row = found[mark]
        assert row["request_id"] == asked.request_id
        assert (row["outcome"], bool(row["is_partial"])) == ("complete", False), row
        ours.add_row(row)
        theirs.add(charged[mark])
    assert ours == theirs
    partial = 0
    for mark, row in found.items():
        mine = Sums()
        mine.add_row(row)
        assert mine.is_within(charged.get(mark, Sums())), (row, charged.get(mark))
        if row["outcome"] not in ("complete", "unavailable", "refused") and row["attempts"]:
            assert row["is_partial"], row
            partial += 1
    return Figures(len(complete), partial, len(rows), ours)
