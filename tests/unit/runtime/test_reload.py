"""Reading again: when files have changed and come to rest, when asked, whole or not at all."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.configuration import ConfigurationError
from runtime.reload import (
    LOOK_SECONDS,
    MOST_SETTLE_ROUNDS,
    RETRY_SECONDS,
    SETTLE_SECONDS,
    Reloader,
)
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

LONG_AGO = 1_000_000_000
FUTURE = 4_000_000_000.0


def write(path: Path, text: str) -> None:
    path.write_text(text)


class Lines:
    """A target that reads a file's words, and the files that they name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.applied: list[tuple[str, ...]] = []
        self.problems: list[tuple[str, ...]] = []
        self.bugs: list[Exception] = []
        self.reads = 0
        self.happened = asyncio.Event()
        self.meanwhile: Callable[[], None] = lambda: None

    def read(self) -> tuple[str, ...]:
        self.reads += 1
        words = self.words()
        self.meanwhile()
        if "bug" in words:
            raise RuntimeError("bug")
        missing = tuple(f"{word}: missing" for word in words if not self.file(word).exists())
        if missing:
            raise ConfigurationError(missing)
        return words

    def words(self) -> tuple[str, ...]:
        return tuple(self.path.read_text().split())

    def file(self, word: str) -> Path:
        return self.path.parent / word

    def files(self, snapshot: tuple[str, ...]) -> Iterator[Path]:
        yield self.path
        yield from map(self.file, snapshot)

    def apply(self, snapshot: tuple[str, ...]) -> None:
        self.applied.append(snapshot)
        self.happened.set()

    def refused(self, problems: tuple[str, ...]) -> None:
        self.problems.append(problems)
        self.happened.set()

    def crashed(self, error: Exception) -> None:
        self.bugs.append(error)
        self.happened.set()


class Watching:
    """A running reloader; time passes in `look` and `rest` only."""

    def __init__(self, target: Lines, reloader: Reloader[tuple[str, ...]], clock: FakeClock):
        self.target = target
        self.reloader = reloader
        self._clock = clock

    async def pass_(self, seconds: float) -> None:
        """Let time pass, and what it starts reach its next pause."""
        await self._clock.advance(seconds)
        async with asyncio.timeout(5):
            while not self._clock.sleeping:
                await asyncio.sleep(0.001)  # a thread is at work

    async def look(self) -> None:
        await self.pass_(LOOK_SECONDS)

    async def rest(self) -> None:
        """Look, and let what has changed come to rest."""
        await self.look()
        await self.pass_(SETTLE_SECONDS)

    async def asked(self) -> None:
        self.target.happened.clear()
        self.reloader.ask()
        async with asyncio.timeout(5):
            await self.target.happened.wait()


@asynccontextmanager
async def watching(path: Path, begun: float = FUTURE) -> AsyncIterator[Watching]:
    target, clock = Lines(path), FakeClock()
    reloader = Reloader(target, target.words(), begun, clock)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(reloader.run())
        made = Watching(target, reloader, clock)
        await made.pass_(0)
        yield made
        running.cancel()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    file = tmp_path / "document"
    file.write_text("a")
    return file


async def test_files_at_rest_are_left_alone(path: Path) -> None:
    async with watching(path) as made:
        for _ in range(3):
            await made.look()

        assert made.target.reads == 0


@pytest.mark.parametrize("name", ["document", "a"])
async def test_a_changed_file_is_read(path: Path, name: str) -> None:
    """The document, or a file that it names."""
    async with watching(path) as made:
        write(path.with_name(name), "a ")
        await made.rest()

        assert made.target.applied == [("a",)]


async def test_many_changes_are_read_once_when_they_have_come_to_rest(path: Path) -> None:
    async with watching(path) as made:
        write(path, "a b")
        await made.look()
        write(path.with_name("a"), "two")
        await made.pass_(SETTLE_SECONDS)
        write(path.with_name("a"), "three")
        await made.pass_(SETTLE_SECONDS)
        assert made.target.reads == 0
        await made.pass_(SETTLE_SECONDS)

        assert made.target.applied == [("a", "b")]


async def test_files_that_never_rest_are_read_all_the_same(path: Path) -> None:
    async with watching(path) as made:
        write(path, "a b")
        await made.look()
        for number in range(MOST_SETTLE_ROUNDS):
            write(path.with_name("a"), "x" * (number + 2))
            await made.pass_(SETTLE_SECONDS)

        assert made.target.applied == [("a", "b")]


async def test_a_directory_is_replaced_as_kubernetes_does_it(tmp_path: Path) -> None:
    """Files are links into `..data`, itself a link, that is replaced in one step."""
    for version, content in (("..v1", "a"), ("..v2", "b")):
        (tmp_path / version).mkdir()
        (tmp_path / version / "document").write_text(content)
        os.utime(tmp_path / version / "document", (LONG_AGO, LONG_AGO))
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "document").symlink_to("..data/document")
    async with watching(tmp_path / "document") as made:
        (tmp_path / "..new").symlink_to("..v2")
        (tmp_path / "..new").rename(tmp_path / "..data")
        await made.rest()

        assert made.target.applied == [("b",)]


async def test_a_bad_reading_changes_nothing_and_says_everything(path: Path) -> None:
    async with watching(path) as made:
        write(path, "a nothing nowhere")
        await made.rest()
        assert made.target.applied == []
        assert made.target.problems == [("nothing: missing", "nowhere: missing")]

        write(path, "b")
        await made.rest()
        assert made.target.applied == [("b",)]


async def test_what_was_refused_is_tried_again(path: Path) -> None:
    """The file that was missing is not watched: nothing had been read from it."""
    async with watching(path) as made:
        write(path, "later")
        await made.rest()
        assert len(made.target.problems) == 1
        write(path.with_name("later"), "x")
        for _ in range(int(RETRY_SECONDS / LOOK_SECONDS)):
            await made.look()

        assert made.target.applied == [("later",)]


async def test_what_is_in_force_is_not_tried_again(path: Path) -> None:
    async with watching(path) as made:
        for _ in range(2 * int(RETRY_SECONDS / LOOK_SECONDS)):
            await made.look()

        assert made.target.reads == 0


async def test_a_new_file_is_watched_from_then_on(path: Path) -> None:
    async with watching(path) as made:
        write(path, "c")
        await made.rest()
        await made.rest()  # when the new file was read is unknown: once more
        before = made.target.reads
        write(path.with_name("a"), "not watched any more")
        await made.look()
        assert made.target.reads == before
        write(path.with_name("c"), "changed")
        await made.rest()

        assert made.target.reads == before + 1


async def test_a_change_during_a_reading_is_not_lost(path: Path) -> None:
    async with watching(path) as made:
        made.target.meanwhile = lambda: write(path, "b c")
        write(path, "c")
        await made.rest()
        made.target.meanwhile = lambda: None
        await made.rest()

        assert made.target.applied == [("c",), ("b", "c")]


async def test_asking_reads_at_once(path: Path) -> None:
    async with watching(path) as made:
        await made.asked()

        assert made.target.applied == [("a",)]


async def test_asking_often_reads_once_more(path: Path) -> None:
    async with watching(path) as made:
        for _ in range(100):
            made.reloader.ask()
        await made.asked()
        await made.asked()

        assert made.target.reads == 2


async def test_a_bug_is_reported_and_survived(path: Path) -> None:
    async with watching(path) as made:
        write(path, "bug")
        await made.rest()
        assert len(made.target.bugs) == 1
        write(path, "b")
        await made.rest()

        assert made.target.applied == [("b",)]


async def test_what_changed_during_the_start_is_read_again(path: Path) -> None:
    """It may have been read before the change or after it."""
    async with watching(path, begun=0.0) as made:
        await made.rest()

        assert made.target.applied == [("a",)]
