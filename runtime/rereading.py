"""A settings document that is read again while its service runs, as runtime.reload takes it.

Owns what follows a reading: it takes effect whole, is compared with what was in force, and what
only a restart can change is named. How a service's document is read, and what changed in it,
a subclass says.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel


class ReloadEvents(Protocol):
    """What became of a reading, as far as every service says the same. None waits or raises."""

    def restart_needed(self, settings: Sequence[str]) -> None:
        """These settings have changed, and only a restart would take them over."""
        ...

    def reload_refused(self, problems: Sequence[str]) -> None:
        """It has problems; what was in force stays."""
        ...

    def reload_crashed(self, error: Exception) -> None:
        """Reading it met a bug; what was in force stays."""
        ...


class Snapshot(Protocol):
    """What a reading came to."""

    @property
    def settings(self) -> BaseModel:
        """The settings it was made of."""
        ...


S = TypeVar("S", bound=Snapshot)
E = TypeVar("E", bound=ReloadEvents)


class Rereading(ABC, Generic[S, E]):
    """The document at `path`, in a service that was started with `started_with`."""

    reloadable: Collection[str]
    """The paths of the settings that a running service takes over."""

    def __init__(
        self,
        path: Path,
        started_with: S,
        take_over: Callable[[S], None],
        events: E,
    ) -> None:
        self.path = path
        self.started_with = started_with
        self._in_force = started_with
        self._take_over = take_over
        self.events = events

    @abstractmethod
    def read(self) -> S:
        """Everything, judged as a whole. Raises ConfigurationError."""

    @abstractmethod
    def files_of(self, snapshot: S) -> Iterable[Path]:
        """The files it was read from beside the document."""

    @abstractmethod
    def report(self, before: S, now: S) -> None:
        """Say that a reading is in force, and what changed by it."""

    def files(self, snapshot: S) -> Iterator[Path]:
        yield self.path
        yield from self.files_of(snapshot)

    def apply(self, snapshot: S) -> None:
        before = self._in_force
        self._take_over(snapshot)
        self._in_force = snapshot
        self.report(before, snapshot)
        # Compared with the start: until there is a restart, it is the start's that is in force.
        waiting = differing(self.started_with.settings, snapshot.settings, self.reloadable)
        if waiting:
            self.events.restart_needed(waiting)

    def refused(self, problems: tuple[str, ...]) -> None:
        self.events.reload_refused(problems)

    def crashed(self, error: Exception) -> None:
        self.events.reload_crashed(error)


def differing(before: BaseModel, now: BaseModel, but: Collection[str]) -> list[str]:
    """The paths of the settings that differ, sorted, without those named in `but`."""
    return sorted(_differing(before, now, "", but))


def _differing(
    before: BaseModel, now: BaseModel, prefix: str, but: Collection[str]
) -> Iterator[str]:
    for name in type(before).model_fields:
        path = f"{prefix}{name}"
        old, new = getattr(before, name), getattr(now, name)
        if path in but or old == new:
            continue
        if isinstance(old, BaseModel) and isinstance(new, BaseModel):
            yield from _differing(old, new, f"{path}.", but)
        else:
            yield path
