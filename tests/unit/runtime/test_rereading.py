"""What follows a reading: taken over whole, compared, reported."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runtime.configuration import Section
from runtime.rereading import Rereading, differing


class Inner(Section):
    one: int = 1
    two: int = 2


class Outer(Section):
    inner: Inner = Inner()
    maybe: Inner | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    settings: Outer


@dataclass
class Recorded:
    """What happened, in its order."""

    said: list[tuple[str, object]] = field(default_factory=list)

    def taken(self, snapshot: Snapshot) -> None:
        self.said.append(("taken", snapshot))

    def restart_needed(self, settings: Sequence[str]) -> None:
        self.said.append(("restart", list(settings)))

    def reload_refused(self, problems: Sequence[str]) -> None:
        self.said.append(("refused", list(problems)))

    def reload_crashed(self, error: Exception) -> None:
        self.said.append(("crashed", error))


class Reading(Rereading[Snapshot, Recorded]):
    reloadable = frozenset({"names"})

    def read(self) -> Snapshot:
        return self.started_with

    def files_of(self, snapshot: Snapshot) -> Iterator[Path]:
        return map(Path, snapshot.settings.names)

    def report(self, before: Snapshot, now: Snapshot) -> None:
        self.events.said.append(("reported", (before, now)))


def reading_of(started_with: Snapshot, events: Recorded) -> Reading:
    return Reading(Path("document"), started_with, events.taken, events)


def test_a_reading_is_taken_over_before_it_is_reported() -> None:
    first, second, third = (Snapshot(Outer(names=(name,))) for name in "abc")
    events = Recorded()
    reading = reading_of(first, events)
    reading.apply(second)
    reading.apply(third)
    assert events.said == [
        ("taken", second),
        ("reported", (first, second)),
        ("taken", third),
        ("reported", (second, third)),
    ]


def test_what_cannot_be_taken_over_is_not_in_force() -> None:
    """The next reading is compared with what was in force before."""
    first, second = Snapshot(Outer()), Snapshot(Outer(names=("b",)))
    events = Recorded()

    def crash(snapshot: Snapshot) -> None:
        raise RuntimeError

    reading = reading_of(first, events)
    reading._take_over = crash
    with pytest.raises(RuntimeError):
        reading.apply(second)
    reading._take_over = events.taken
    reading.apply(second)
    assert events.said == [("taken", second), ("reported", (first, second))]


def test_what_waits_for_a_restart_is_said_at_every_reading_until_it_is_taken_back() -> None:
    first, second = Snapshot(Outer()), Snapshot(Outer(inner=Inner(two=3)))
    events = Recorded()
    reading = reading_of(first, events)
    for snapshot, restarts in ((second, 1), (second, 2), (first, 2)):
        reading.apply(snapshot)
        assert events.said.count(("restart", ["inner.two"])) == restarts


def test_the_document_is_watched_with_the_files_it_names() -> None:
    snapshot = Snapshot(Outer(names=("a", "b")))
    files = reading_of(snapshot, Recorded()).files(snapshot)
    assert list(files) == [Path("document"), Path("a"), Path("b")]


def test_problems_and_bugs_are_passed_on() -> None:
    events, bug = Recorded(), RuntimeError()
    reading = reading_of(Snapshot(Outer()), events)
    reading.refused(("one", "two"))
    reading.crashed(bug)
    assert events.said == [("refused", ["one", "two"]), ("crashed", bug)]


@pytest.mark.parametrize(
    ("now", "but", "paths"),
    [
        (Outer(), (), []),
        (Outer(inner=Inner(one=9, two=9)), (), ["inner.one", "inner.two"]),
        (Outer(inner=Inner(one=9, two=9)), ("inner.one",), ["inner.two"]),
        (Outer(inner=Inner(one=9), names=("x",)), ("inner",), ["names"]),
        (Outer(maybe=Inner()), (), ["maybe"]),
    ],
)
def test_differences_are_named_by_their_paths(
    now: Outer, but: tuple[str, ...], paths: list[str]
) -> None:
    assert differing(Outer(), now, but) == paths
