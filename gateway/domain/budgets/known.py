"""What one process knows of counters: what it heard last, and what it has added itself since.

What it added waits here until it is told to the others. Times are monotonic seconds. Neither
waits nor tells anybody.
"""

from collections import deque
from collections.abc import Iterable, Iterator

import msgspec

from gateway.domain.budgets.totals import NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Stand

DAY_SECONDS = 86_400.0
KEEP_SECONDS = 3 * DAY_SECONDS
"""After a period's end: requests that began in it have long been settled."""
KEEP_MINUTE_SECONDS = 60.0
"""After a minute's end: what is settled later makes no difference to anybody."""
MOST_AHEAD_SECONDS = 600.0
MOST_DROPPED = 10
"""Minutes at a time; each new one lets go of as many, so none is waited for."""
FEW = 1_000
"""Counters; fewer are not looked through for those that may be forgotten."""


class Unsent(msgspec.Struct, frozen=True):
    """What a process adds to a counter, in one telling."""

    use: Totals
    since: float
    """When the first of it was added."""


class Heard(msgspec.Struct, frozen=True):
    """What others have confirmed of a counter."""

    totals: Totals = NOTHING
    is_whole: bool = False
    """Whether somebody has said what was used before."""
    life: str = ""
    """Names where it was counted; it changes when that is lost. Empty: not by all together."""


NEVER = Heard()


class _Entry:
    """One counter. Most of what happens to it is that something is added: that is one sum."""

    __slots__ = ("counter", "heard", "is_whole", "since", "total", "under_way")

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.heard = NEVER
        self.is_whole = counter.span.is_minute
        """Whether somebody has said what was used before; of a minute nobody has to."""
        self.under_way: Unsent | None = None
        self.total = NOTHING
        """What was heard, what is under way and what is unsent."""
        self.since: float | None = None
        """When the first of what is unsent was added; None: nothing is."""

    @property
    def unsent(self) -> Totals:
        return self.total - self._told

    def hears(self, heard: Heard) -> None:
        unsent = self.unsent
        self.heard = heard
        self.is_whole = heard.is_whole or self.counter.span.is_minute
        self.total = self._told + unsent

    def send(self) -> Unsent | None:
        if self.since is None:
            return None
        # What was under way has arrived, or was given up, by the time there is more to tell.
        unsent, self.since = Unsent(self.unsent, self.since), None
        self.total = self.heard.totals + unsent.use
        self.under_way = unsent
        return unsent

    def told(self) -> None:
        unsent, self.under_way = self.unsent, None
        self.total = self.heard.totals + unsent

    @property
    def _told(self) -> Totals:
        told = self.heard.totals
        return told if self.under_way is None else told + self.under_way.use


class Nothing(msgspec.Struct, frozen=True):
    """What is known of a counter that nobody has counted in."""

    is_whole: bool
    total: Totals = NOTHING


_NO_MINUTE, _NO_OTHER = Nothing(is_whole=True), Nothing(is_whole=False)


class Known:
    """The counters of one process; bounded by the keys and groups that have a budget or a rate."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._minutes: deque[Counter] = deque()
        """Those in `_entries` that are of minutes, about as they end."""
        self._unsent: dict[str, None] = {}
        self._sweep_at = FEW

    def stand(self, counter: Counter) -> Stand:
        """What was used as far as it is known here, and whether that is all."""
        entry = self._entries.get(counter.name)
        if entry is None:
            return _NO_MINUTE if counter.span.is_minute else _NO_OTHER
        return entry

    def totals(self, counter: Counter) -> Totals:
        """What was used, as far as it is known here."""
        return self.stand(counter).total

    def heard(self, counter: Counter) -> Heard:
        """The last of what others have confirmed."""
        entry = self._entries.get(counter.name)
        return NEVER if entry is None else entry.heard

    def is_whole(self, counter: Counter) -> bool:
        """Whether somebody has said what was used before; of a minute nobody has to."""
        return self.stand(counter).is_whole

    def named(self, name: str) -> Counter | None:
        """The counter of this name; None when nothing is known of it."""
        entry = self._entries.get(name)
        return None if entry is None else entry.counter

    def all(self) -> Iterator[Counter]:
        """Every counter of which anything is known."""
        return (entry.counter for entry in self._entries.values())

    def add(self, counter: Counter, use: Totals, now: float) -> Totals:
        """It was used here; what that makes."""
        entry = self._entries.get(counter.name) or self._entry(counter)
        entry.total = total = entry.total + use
        if entry.since is None:
            entry.since = now
            self._unsent[counter.name] = None
        return total

    def hear(self, counter: Counter, heard: Heard) -> None:
        """What all have used together; what was under way from here is in it."""
        entry = self._entry(counter)
        totals = entry.heard.totals.joined(heard.totals)
        entry.hears(Heard(totals, heard.is_whole, heard.life))

    def seed(self, counter: Counter, spent: Totals) -> None:
        """Somebody else says what was used. What was added here may be in that."""
        entry = self._entry(counter)
        seen = entry.total
        more = seen.at_least(spent)
        before = entry.heard.totals
        totals = Totals(
            before.reserved + more.reserved - seen.reserved,
            before.released,
            before.tokens + more.tokens - seen.tokens,
            before.nano_aiu + more.nano_aiu - seen.nano_aiu,
        )
        entry.hears(Heard(totals, is_whole=True))

    # --- telling it ---------------------------------------------------------------------------

    @property
    def has_unsent(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._unsent)

    def send(self, most: int) -> dict[Counter, Unsent]:
        """What is to be told now, of so many counters; it is under way until `told`."""
        found = {}
        for name in list(self._unsent)[:most]:
            del self._unsent[name]
            entry = self._entries[name]
            unsent = entry.send()
            if unsent is not None:
                found[entry.counter] = unsent
        return found

    def told(self, counters: Iterable[Counter]) -> None:
        """It has arrived, and what was heard holds it."""
        for counter in counters:
            entry = self._entries.get(counter.name)
            if entry is not None:
                entry.told()

    # --- bounds -------------------------------------------------------------------------------

    def _entry(self, counter: Counter) -> _Entry:
        entry = self._entries.get(counter.name)
        if entry is None:
            if counter.span.is_minute:
                self._forget_minutes(counter.span.start)
                self._minutes.append(counter)
            else:
                self._forget_before(counter.span.start - KEEP_SECONDS)
            entry = self._entries[counter.name] = _Entry(counter)
        return entry

    def _forget_minutes(self, present: float) -> None:
        """Drop some that are over, and what was not told of them. present: a minute's start."""
        for _ in range(MOST_DROPPED):
            if not self._minutes or self._is_kept(self._minutes[0], present):
                return
            name = self._minutes.popleft().name
            self._entries.pop(name, None)
            self._unsent.pop(name, None)

    def _is_kept(self, counter: Counter, present: float) -> bool:
        # One far ahead is of a clock that was wrong, and would be in the way of all behind it.
        return -KEEP_MINUTE_SECONDS < counter.span.end - present < MOST_AHEAD_SECONDS

    def _forget_before(self, moment: float) -> None:
        """Drop what ended before, now and then: seconds since the epoch."""
        if len(self._entries) < self._sweep_at:
            return
        self._entries = {
            name: entry
            for name, entry in self._entries.items()
            if entry.counter.span.end > moment or entry.under_way is not None
        }
        self._unsent = {name: None for name in self._unsent if name in self._entries}
        self._sweep_at = max(FEW, 2 * len(self._entries))
