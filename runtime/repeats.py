"""Lines that are written once and then counted: for what may happen ten thousand times a second.

What is the same within a window is one line at its first time and one with a count at the
window's end. The number of different things is bounded; beyond the bound they are counted
together. What a line looks like is its writer's to know.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

WINDOW_SECONDS = 60.0
MOST_KEYS = 10_000
BATCH = 200
"""Lines written at once; the event loop turns between two such batches."""

Key = TypeVar("Key", bound=tuple[Any, ...])


class Sleeper(Protocol):
    """A clock, as far as it is needed here."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Window:
    """The time in which repetitions are counted; several kinds of lines may share one."""

    def __init__(self, clock: Sleeper) -> None:
        self._clock = clock
        self._kinds: list[Repeats[Any]] = []
        # Bounded: a window's counts are taken over only when those before it are written.
        self._unwritten: deque[tuple[Callable[[Any, int], None], Any, int]] = deque()

    def add(self, kind: "Repeats[Any]") -> None:
        """Count these too."""
        self._kinds.append(kind)

    @property
    def is_full(self) -> bool:
        """Whether as many different things are known as may be."""
        return sum(len(each.counts) for each in self._kinds) >= MOST_KEYS

    async def run(self) -> None:
        """Write the counts of each window at its end; never ends by itself."""
        while True:
            await self._clock.sleep(WINDOW_SECONDS)
            self._end()
            while self._unwritten:
                self._write(BATCH)
                await self._clock.sleep(0)

    def close(self) -> None:
        """Write what is counted and not written yet."""
        self._end()
        self._write(len(self._unwritten))

    def _end(self) -> None:
        for kind in self._kinds:
            self._unwritten += ((kind.write, key, n) for key, n in kind.counts.items() if n)
            kind.counts = {}

    def _write(self, most: int) -> None:
        for _ in range(min(most, len(self._unwritten))):
            write, key, count = self._unwritten.popleft()
            write(key, count)


class Repeats(Generic[Key]):
    """One kind of lines.

    write: the line of a key; its second argument is None for the first time, else the count of
    the others. beyond: the key under which one is counted that has no place of its own.
    """

    __slots__ = ("_beyond", "_window", "counts", "write")

    def __init__(
        self, window: Window, write: Callable[[Key, int | None], None], beyond: Callable[[Key], Key]
    ) -> None:
        self._window = window
        self._beyond = beyond
        self.write = write
        self.counts: dict[Key, int] = {}
        """How often each has come after its first time."""
        window.add(self)

    def seen(self, key: Key) -> None:
        """It has happened."""
        count = self.counts.get(key)
        if count is not None:
            self.counts[key] = count + 1
            return
        if self._window.is_full:
            key = self._beyond(key)
            self.counts[key] = self.counts.get(key, 0) + 1
            return
        self.counts[key] = 0
        self.write(key, None)
