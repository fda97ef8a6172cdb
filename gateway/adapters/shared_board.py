"""The board of all replicas: a hash in the shared store, and this process's copy of it.

What is posted or taken down here takes effect here at once and is sent by the loop in `running`,
the latest of each subject, as soon as the store is up. All of the board is read again whenever
its version has moved: on a notice, on every (re)connection and once a second, so that a lost
notice costs a second. A store that has lost the board gets it back from the copies.
"""

import asyncio
import itertools
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

from gateway.adapters.board import (
    MOST_SUBJECTS,
    MemoryBoard,
    Notice,
    Reader,
    later,
    notice_of,
)
from gateway.adapters.scripts import script
from gateway.domain import subjects
from gateway.domain.subjects import Subject
from gateway.ports.clock import Clock
from gateway.ports.shared_state import Posted
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

BOARD = script("board")

MOST_AT_ONCE = 1_000
"""Changes in one call."""
PAUSE_SECONDS = 0.05
"""Between two readings: many changes at a time are read together."""
FIRST_READING_SECONDS = 1.0
LAST_SENDING_SECONDS = 1.0

LOST = b"lost"
FOR_EVER = "-"


@dataclass(frozen=True, slots=True)
class Change:
    """What the store is to be told. is_fresh: what is there is taken down first."""

    is_fresh: bool
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the store answered. notices: None when the board is the one known here."""

    version: bytes
    notices: Mapping[Subject, Notice] | None

    @property
    def is_lost(self) -> bool:
        """Whether the store's history is not the one known here: it has lost the board."""
        return self.version == LOST


def channel_of(namespace: str) -> str:
    """Where replicas say that the board has changed: its new version."""
    return f"{{{namespace}}}:board"


class SharedBoard:
    """The Board port for many replicas. owner: no other process has the same."""

    def __init__(
        self,
        link: StoreLink[Connection],
        namespace: str,
        clock: Clock,
        owner: str,
    ) -> None:
        self._link = link
        self._key = f"{{{namespace}:board}}:notices"
        self._channel = channel_of(namespace)
        self._clock = clock
        self._owner = owner
        self._numbers = itertools.count(1)
        self._copy = MemoryBoard(clock)
        self._unsent: dict[Subject, Change] = {}
        self._known = b""
        self._news = asyncio.Event()
        self._has_read = asyncio.Event()
        self._all_sent = asyncio.Event()
        self._all_sent.set()
        link.add_reader(self)

    def post(self, subject: Subject, posted: Posted) -> None:
        """See ports.shared_state.Board."""
        before = self._unsent.get(subject, Change(False, None))
        notice = later(before.notice, notice_of(posted, self._clock.monotonic()))
        self._send_soon(subject, Change(before.is_fresh, notice))
        self._copy.post(subject, posted)

    def take_down(self, subject: Subject) -> None:
        """See ports.shared_state.Board."""
        self._send_soon(subject, Change(True, None))
        self._copy.take_down(subject)

    def follow(self, reader: Reader) -> None:
        """See ports.shared_state.Board; at once if there is anything to read."""
        self._copy.follow(reader)

    async def sent(self, seconds: float) -> bool:
        """Wait until the store has all that was posted and taken down; False if that is later."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._all_sent.wait()
        return not self._unsent

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Keep in step with the store for the length of the block; what is unsent is sent after."""
        keeping = tasks.create_task(self._keep_in_step())
        try:
            yield
        finally:
            if self._link.is_up:
                await self.sent(LAST_SENDING_SECONDS)
            keeping.cancel()

    async def first_read(self) -> None:
        """Wait until the board was read for the first time, if the store is up; bounded in time."""
        if self._link.is_up:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_READING_SECONDS):
                    await self._has_read.wait()

    # --- what the link says -------------------------------------------------------------------

    def store_rose(self) -> None:
        """Whatever was said meanwhile was missed."""
        self._news.set()

    def store_fell(self) -> None:
        """The copy stands for the board."""

    def noticed(self, notice: bytes) -> None:
        """The board's new version."""
        if notice != self._known:
            self._news.set()

    def ticked(self) -> None:
        """A notice may have been lost."""
        self._news.set()

    # --- keeping in step ----------------------------------------------------------------------

    def _send_soon(self, subject: Subject, change: Change) -> None:
        if len(self._unsent) >= MOST_SUBJECTS and subject not in self._unsent:
            del self._unsent[next(iter(self._unsent))]
        self._unsent[subject] = change
        self._all_sent.clear()
        self._news.set()

    async def _keep_in_step(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._exchange()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _exchange(self) -> None:
        """Send what is unsent and read what is new, until both are done or the store is down."""
        while True:
            sent = dict(itertools.islice(self._unsent.items(), MOST_AT_ONCE))
            reading = await self._link.ask(partial(self._run, sent))
            if reading is None:
                return
            if reading.is_lost:
                self._send_all_again()
                continue
            self._learn(reading, sent)
            if not self._unsent:
                return

    async def _run(self, changes: Mapping[Subject, Change], store: Connection) -> Reading:
        now = self._clock.monotonic()
        name = f"{self._owner}-{next(self._numbers):x}"
        arguments: list[str | bytes | int] = [self._channel, self._known, name, MOST_SUBJECTS]
        for subject, change in changes.items():
            arguments += (subject.name, int(change.is_fresh), *_written(change.notice, now))
        answer = await store.run(BOARD, (self._key,), tuple(arguments))
        return _reading(answer, self._known, self._clock.monotonic())

    def _send_all_again(self) -> None:
        """The store is another one, or has lost the board; the others do the same."""
        self._known = b""
        for subject, notice in self._copy.notices.items():
            there = self._unsent.get(subject, Change(False, None))
            self._send_soon(subject, Change(there.is_fresh, later(there.notice, notice)))

    def _learn(self, reading: Reading, sent: Mapping[Subject, Change]) -> None:
        self._known = reading.version
        for subject, change in sent.items():
            if self._unsent.get(subject) is change:
                del self._unsent[subject]
        if reading.notices is not None:
            self._copy.replace(_changed(reading.notices, self._unsent))
        self._has_read.set()
        if not self._unsent:
            self._all_sent.set()


def _changed(
    notices: Mapping[Subject, Notice], changes: Mapping[Subject, Change]
) -> Mapping[Subject, Notice]:
    """The board as it will be when the changes are made."""
    board = dict(notices)
    for subject, change in changes.items():
        there = None if change.is_fresh else board.get(subject)
        notice = later(there, change.notice)
        if notice is not None:
            board[subject] = notice
        else:
            board.pop(subject, None)
    return board


def _written(notice: Notice | None, now: float) -> tuple[str | int, str]:
    """Milliseconds and word, as the script takes them."""
    if notice is None or notice.until <= now:
        return "", ""
    if math.isinf(notice.until):
        return FOR_EVER, notice.word
    return math.ceil((notice.until - now) * 1000), notice.word


def _reading(answer: Sequence[bytes], known: bytes, now: float) -> Reading:
    version, *rest = answer
    if version in (LOST, known):
        return Reading(version, None)
    notices = {}
    for name, left, word in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        subject = subjects.parse(name.decode("utf-8", "replace"))
        # A newer version of the gateway may know subjects that this one does not.
        if subject is not None:
            until = math.inf if left == FOR_EVER.encode() else now + int(left) / 1000
            notices[subject] = Notice(until, word.decode("utf-8", "replace"))
    return Reading(version, notices)
