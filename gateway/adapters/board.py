"""What is posted on a process's own board, and who reads it. Knows no store."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.subjects import Subject
from gateway.ports.clock import Clock
from gateway.ports.shared_state import Posted

MOST_SUBJECTS = 10_000
"""Callers name the models of some: a board that is full loses what would have ended first."""

Reader = Callable[[Mapping[Subject, Posted]], None]


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice by this process's clock. until: monotonic seconds, infinite for none."""

    until: float
    word: str

    def left(self, now: float) -> Posted:
        """What of it is left."""
        return Posted(None if math.isinf(self.until) else self.until - now, self.word)


def notice_of(posted: Posted, now: float) -> Notice:
    """The notice that is posted now."""
    return Notice(math.inf if posted.seconds is None else now + posted.seconds, posted.word)


def later(one: Notice | None, other: Notice | None) -> Notice | None:
    """Of two about the same subject the one that counts; the first where both end together."""
    if one is None or other is None:
        return one or other
    return other if other.until > one.until else one


class MemoryBoard:
    """The Board port for a process that is alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._notices: dict[Subject, Notice] = {}
        self._readers: list[Reader] = []

    @property
    def notices(self) -> dict[Subject, Notice]:
        """All that is posted and has not ended."""
        now = self._clock.monotonic()
        return {each: notice for each, notice in self._notices.items() if notice.until > now}

    def post(self, subject: Subject, posted: Posted) -> None:
        """See ports.shared_state.Board."""
        notice = notice_of(posted, self._clock.monotonic())
        there = self._notices.get(subject)
        if later(there, notice) is there:
            return
        self.replace({**self._notices, subject: notice})

    def take_down(self, subject: Subject) -> None:
        """See ports.shared_state.Board."""
        if self._notices.pop(subject, None) is not None:
            self._tell()

    def follow(self, reader: Reader) -> None:
        """See ports.shared_state.Board; at once if there is anything to read."""
        self._readers.append(reader)
        if self.notices:
            reader(self._left())

    def replace(self, notices: Mapping[Subject, Notice]) -> None:
        """Another board in the place of this one."""
        self._notices = dict(notices)
        self._notices = self.notices
        while len(self._notices) > MOST_SUBJECTS:
            del self._notices[min(self._notices, key=lambda each: self._notices[each].until)]
        self._tell()

    def _tell(self) -> None:
        for reader in self._readers:
            reader(self._left())

    def _left(self) -> Mapping[Subject, Posted]:
        now = self._clock.monotonic()
        return {subject: notice.left(now) for subject, notice in self.notices.items()}
