"""Reads a configuration again when its files change or somebody asks for it, while a service runs.

Owns the watching, the waiting until the files have come to rest, and the rule that a reading
takes effect whole or not at all. What is read, of which files, and what it changes is the
target's; it knows no service.

Files are looked at by their paths, through every link: Kubernetes replaces the link of a whole
directory. Looking is one stat a file, in a thread; no file system has to tell of changes.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from runtime.configuration import ConfigurationError

LOOK_SECONDS = 2.0
# Several files that change together are read once: when none has changed for this long.
SETTLE_SECONDS = 0.5
MOST_SETTLE_ROUNDS = 20
# What was refused is read again although nothing that is watched has changed: it may name a
# file that only now is there.
RETRY_SECONDS = 30.0
# How much a file system's clock may be behind ours.
COARSE_SECONDS = 1.0

S = TypeVar("S")
Stamp = tuple[int, ...] | None


class Clock(Protocol):
    """Time, as runtime.clock gives it."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Target(Protocol[S]):
    """What is read again, and what becomes of it."""

    def read(self) -> S:
        """Everything, judged as a whole; runs in a thread. Raises ConfigurationError."""
        ...

    def files(self, snapshot: S) -> Iterable[Path]:
        """The files it was read from."""
        ...

    def apply(self, snapshot: S) -> None:
        """Use it from now on; on the event loop, at once, without waiting."""
        ...

    def refused(self, problems: tuple[str, ...]) -> None:
        """A reading had these problems; what was in force stays."""
        ...

    def crashed(self, error: Exception) -> None:
        """Reading or applying met a bug."""
        ...


class Reloader(Generic[S]):
    """Watches until it is cancelled. One reading at a time.

    begun: wall time when reading what is in force began. A file that changed since then may
    have been read before or after, and is read again.
    """

    def __init__(self, target: Target[S], in_force: S, begun: float, clock: Clock) -> None:
        self._target = target
        self._clock = clock
        self._asked = asyncio.Event()
        self._reading = asyncio.Lock()
        self._refused_for = 0.0
        self._is_refused = False
        self._stamps = {
            path: stamp if stamp and stamp[-1] < (begun - COARSE_SECONDS) * 1e9 else None
            for path, stamp in stamps(target.files(in_force)).items()
        }

    def ask(self) -> None:
        """Read again at once, whether a file has changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Watch, and answer requests; never ends by itself."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            tasks.create_task(self._answer())

    async def _answer(self) -> None:
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._read()

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            if await self._look() != self._stamps:
                await self._settle()
                await self._read()
            elif self._is_due_again():
                await self._read()

    def _is_due_again(self) -> bool:
        self._refused_for += LOOK_SECONDS
        return self._is_refused and self._refused_for >= RETRY_SECONDS

    async def _settle(self) -> None:
        """Until two looks in a row see the same."""
        before = await self._look()
        for _ in range(MOST_SETTLE_ROUNDS):
            await self._clock.sleep(SETTLE_SECONDS)
            now = await self._look()
            if now == before:
                return
            before = now

    async def _look(self) -> dict[Path, Stamp]:
        return await asyncio.to_thread(stamps, tuple(self._stamps))

    async def _read(self) -> None:
        async with self._reading:
            # Before the reading: what changes meanwhile is seen at the next look.
            self._stamps = await self._look()
            self._refused_for = 0.0
            try:
                snapshot = await asyncio.to_thread(self._target.read)
                self._target.apply(snapshot)
            except ConfigurationError as error:
                self._is_refused = True
                self._target.refused(error.problems)
            except Exception as bug:
                self._is_refused = True
                self._target.crashed(bug)
            else:
                self._is_refused = False
                self._follow(self._target.files(snapshot))

    def _follow(self, files: Iterable[Path]) -> None:
        """A file that was not watched before counts as changed: when it was read is unknown."""
        self._stamps = {path: self._stamps.get(path) for path in files}


def stamps(files: Iterable[Path]) -> dict[Path, Stamp]:
    """What tells one content of each file from the next; None for a file that is not there."""
    return {path: _stamp(path) for path in files}


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
