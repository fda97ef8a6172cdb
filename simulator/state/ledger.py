"""The ledger: what the simulator was asked, what it answered, and how that ended.

Lets tests assert what was really sent upstream, that nothing was charged twice, and when a
caller left. Holds no credential in clear; a request's body only if the scenario says so.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import Any

from simulator.wire.answer import Cost


class Outcome(StrEnum):
    """How an answer ended."""

    OPEN = "open"
    FINISHED = "finished"
    CUT = "cut"
    RESET = "reset"
    CLIENT_LEFT = "client_left"
    SIMULATOR_ERROR = "simulator_error"


@dataclass(slots=True)
class Entry:
    """One request. Times in seconds since the epoch; status 0: no answer was begun.

    opened, closed: the same two moments on a clock that nobody moves, for reckoning. marker:
    what follows `marker:` in the body. prompt_tokens to nano_aiu: what the answer was charged as, 0
    where none was given. text_sha256: of all the text that a complete answer has.
    """

    sequence: int
    time: float
    opened: float
    endpoint: str
    method: str
    path: str
    listener: str
    host: str
    headers: tuple[tuple[str, str], ...]
    body_length: int = 0
    body_sha256: str = ""
    body: str | None = field(default=None, repr=False)
    account: str | None = None
    model: str | None = None
    marker: str | None = None
    stream: bool = False
    initiator: str | None = None
    vision: bool = False
    status: int = 0
    fault: str | None = None
    fault_kind: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    nano_aiu: int = 0
    text_sha256: str | None = None
    outcome: str = Outcome.OPEN
    ended_at: float | None = None
    closed: float | None = None
    writes: int = 0
    bytes_sent: int = 0

    def charge(self, cost: Cost) -> None:
        """What the answer costs is known."""
        self.prompt_tokens = cost.prompt_tokens
        self.completion_tokens = cost.completion_tokens
        self.cached_tokens = cost.cached_tokens
        self.reasoning_tokens = cost.reasoning_tokens
        self.nano_aiu = cost.nano_aiu

    def as_json(self) -> dict[str, Any]:
        """All fields; repeated headers become one, joined by commas."""
        content = {name: getattr(self, name) for name in self.__slots__}
        headers: dict[str, str] = {}
        for name, value in self.headers:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        content["headers"] = headers
        return content


@dataclass(frozen=True)
class Filter:
    """Which entries are wanted; None: any. since: only later sequence numbers."""

    endpoint: str | None = None
    account: str | None = None
    model: str | None = None
    marker: str | None = None
    outcome: str | None = None
    status: int | None = None
    since: int = 0
    limit: int = 1000

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is wanted."""
        return entry.sequence > self.since and all(
            wanted is None or wanted == given
            for wanted, given in (
                (self.endpoint, entry.endpoint),
                (self.account, entry.account),
                (self.model, entry.model),
                (self.marker, entry.marker),
                (self.outcome, entry.outcome),
                (self.status, entry.status),
            )
        )


class Gauge:
    """How many requests are open, and how many were at most."""

    def __init__(self) -> None:
        self.open = 0
        self.most = 0

    def add(self) -> None:
        """One more is open."""
        self.open += 1
        self.most = max(self.most, self.open)


class Ledger:
    """The latest requests, and counts of all."""

    def __init__(self, keep: int) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self._sequence = count(1)
        self.counts: Counter[tuple[str, int]] = Counter()
        self.gauge = Gauge()
        self.gauges_by_account: dict[str, Gauge] = {}
        self.nano_aiu = 0

    def keep(self, most: int) -> None:
        """Change how many entries are remembered."""
        if most != self._entries.maxlen:
            self._entries = deque(self._entries, maxlen=most)

    def next_number(self) -> int:
        """A sequence number for a new entry."""
        return next(self._sequence)

    def open(self, entry: Entry) -> None:
        """A request has come."""
        self._entries.append(entry)
        self.gauge.add()

    def attribute(self, entry: Entry, account: str | None) -> None:
        """Whose it is has been found out; once for an entry."""
        entry.account = account
        if account is not None:
            self.gauges_by_account.setdefault(account, Gauge()).add()

    def close(self, entry: Entry, outcome: Outcome, now: float, closed: float) -> None:
        """A request's answer has ended, one way or another. closed: as `opened` is."""
        entry.outcome = outcome
        entry.ended_at = now
        entry.closed = closed
        self.gauge.open -= 1
        gauge = self.gauges_by_account.get(entry.account or "")
        if gauge is not None:
            gauge.open -= 1
        self.counts[entry.endpoint, entry.status] += 1
        self.nano_aiu += entry.nano_aiu

    def clear(self) -> None:
        """Forget all entries and counts; requests that are open stay counted as open."""
        self._entries.clear()
        self.counts.clear()
        for gauge in (self.gauge, *self.gauges_by_account.values()):
            gauge.most = gauge.open
        self.nano_aiu = 0

    def select(self, wanted: Filter) -> Iterator[Entry]:
        """The wanted entries, the oldest first, at most `limit`."""
        found = 0
        for entry in self._entries:
            if found >= wanted.limit:
                return
            if wanted.takes(entry):
                found += 1
                yield entry
