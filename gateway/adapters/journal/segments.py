"""The journal's directory: one life's segments and its lock, told from those of other lives.

A life is one run of a process. Its lock is held for as long as the process lives, so what lies
under a lock that can be taken was left by one that is gone. Knows names and locks, not what lines
say.
"""

import fcntl
import os
import secrets
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

SUFFIX = ".jsonl"
LOCK = ".lock"
LIFE_BYTES = 8
PRIVATE = 0o600
"""Who uses which model how much concerns nobody else on the machine."""


class JournalUnusable(Exception):
    """The directory cannot be written in; the text says which and why."""


class Lock:
    """One life's, held until `release`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self, forget: bool) -> None:
        """Let go. forget: nothing of that life is left in the directory."""
        if forget:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def new_life(directory: Path) -> tuple[str, Lock]:
    """A name that no other life has, and its lock. Raises JournalUnusable."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        while True:
            life = secrets.token_hex(LIFE_BYTES)
            lock = _locked(directory / (life + LOCK), os.O_CREAT | os.O_EXCL)
            # Between its making and its locking another process may take it for a dead one's.
            if lock is not None:
                return life, lock
    except OSError as error:
        raise JournalUnusable(f"{directory}: {error.strerror or type(error).__name__}") from None


def segment_path(directory: Path, life: str, number: int) -> Path:
    """Where the so many-th segment of a life is."""
    return directory / f"{life}-{number:08d}{SUFFIX}"


def size_of(directory: Path) -> int:
    """The bytes of all segments, whoever's they are."""
    return sum(_size(path) for path in directory.glob("*" + SUFFIX))


def lives(directory: Path) -> Mapping[str, Sequence[Path]]:
    """The segments there are, by life, in the order in which they were written."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(directory.glob("*" + SUFFIX)):
        found[path.name.rpartition("-")[0]].append(path)
    return found


@contextmanager
def taken_over(directory: Path, life: str) -> Iterator[Lock | None]:
    """The lock of a life that is over; None when it is not, or somebody else has taken it over.

    A segment without any lock is one whose lock was lost: it is nobody's, and taken over too.
    """
    lock = _locked(directory / (life + LOCK), os.O_CREAT)
    try:
        yield lock
    finally:
        if lock is not None:
            lock.release(forget=life not in lives(directory))


def _locked(path: Path, flags: int) -> Lock | None:
    descriptor = os.open(path, os.O_RDWR | flags, PRIVATE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return Lock(path, descriptor)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
