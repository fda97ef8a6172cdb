"""The journal on the disk: what is written when, how it goes on, what a full disk does to it."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.adapters.journal.segments import JournalUnusable, lives, taken_over
from gateway.adapters.journal.writer import FileJournal
from gateway.domain.usage.journal import Begun, Ended, Line, Sent, encode, read
from tests.fakes.usage_records import a_beginning, a_record, a_sending

pytestmark = pytest.mark.anyio


class Troubles(list[str | None]):
    """What the journal said of its disk."""

    def __call__(self, reason: str | None) -> None:
        self.append(reason)


def opened(directory: Path, **more: int) -> tuple[FileJournal, Troubles]:
    troubles = Troubles()
    return FileJournal(directory, more.pop("most_bytes", 1 << 20), troubles, **more), troubles


def lines_of(directory: Path) -> list[Line | None]:
    """Of all segments in their order; None for a line that is cut off."""
    return [read(line) for path in files(directory) for line in path.read_bytes().splitlines()]


def files(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.jsonl"))


def everything(directory: Path) -> list[Path]:
    return list(directory.iterdir())


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file of this process may grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_beginning_is_on_the_disk_after_this_turn_of_the_loop(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.begun(a_beginning())
    assert lines_of(tmp_path) == []
    assert not journal.is_written
    await asyncio.sleep(0)
    assert lines_of(tmp_path) == [a_beginning()]
    assert journal.is_written
    journal.begun(a_beginning("next"))
    await asyncio.sleep(0)
    assert lines_of(tmp_path) == [a_beginning(), a_beginning("next")]


async def test_a_sending_and_an_end_are_on_the_disk_at_once_and_in_order(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.begun(a_beginning())
    journal.sent(a_sending())
    assert lines_of(tmp_path) == [a_beginning(), a_sending()]
    journal.ended(a_record())
    assert lines_of(tmp_path) == [a_beginning(), a_sending(), Ended(a_record())]
    assert journal.bytes == sum(path.stat().st_size for path in files(tmp_path))


async def test_a_new_segment_begins_with_the_requests_under_way(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path, segment_bytes=1000)
    journal.begun(a_beginning("long"))
    journal.sent(a_sending("long"))
    journal.sent(a_sending("long", attempts=2))
    journal.begun(a_beginning("short"))
    journal.ended(a_record("short"))
    first, second = journal.segments
    assert first.is_sealed
    assert not second.is_sealed
    found = [read(line) for line in second.path.read_bytes().splitlines()]
    assert found == [a_beginning("long"), a_sending("long", attempts=2)]
    journal.forget(first)
    assert files(tmp_path) == [second.path]
    assert journal.bytes == second.path.stat().st_size


async def test_a_new_segment_knows_nothing_of_requests_that_ended(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path, segment_bytes=1)
    journal.begun(a_beginning())
    journal.sent(a_sending())
    journal.ended(a_record())
    assert journal.segments[-1].size == 0
    journal.sent(a_sending())
    assert journal.segments[-1].size == 0, "its end may be in a segment that is gone already"


async def test_there_is_no_room_at_the_bound_and_an_end_is_written_all_the_same(
    tmp_path: Path,
) -> None:
    journal, _ = opened(tmp_path, most_bytes=200)
    assert journal.has_room
    journal.begun(a_beginning())
    journal.sent(a_sending())
    assert not journal.has_room
    journal.ended(a_record())
    assert lines_of(tmp_path)[-1] == Ended(a_record())


async def test_other_lives_journals_count_towards_the_bound(tmp_path: Path) -> None:
    (tmp_path / "00-00000001.jsonl").write_bytes(b"x" * 300)
    assert not opened(tmp_path, most_bytes=300)[0].has_room


async def test_what_a_full_disk_does_not_take_is_written_whole_when_it_does_again(
    tmp_path: Path,
) -> None:
    journal, troubles = opened(tmp_path)
    journal.begun(a_beginning())
    journal.sent(a_sending())
    with disk_full_at(journal.bytes + 20):
        journal.ended(a_record())
        journal.begun(a_beginning("later"))
        journal.ended(a_record("later"))
        assert len(troubles) == 1
        assert lines_of(tmp_path)[-1] is None, "the line was not cut off: this test tests nothing"
    journal._try_again()
    assert troubles[-1] is None
    written = [line.record for line in lines_of(tmp_path) if isinstance(line, Ended)]
    assert written == [a_record(), a_record("later")]


async def test_what_a_full_disk_takes_nothing_of_is_written_when_it_does_again(
    tmp_path: Path,
) -> None:
    journal, troubles = opened(tmp_path)
    journal.ended(a_record())
    with disk_full_at(journal.bytes):
        journal.ended(a_record("later"))
        assert len(troubles) == 1
        assert lines_of(tmp_path) == [Ended(a_record())]
        assert not journal.is_written
    journal._try_again()
    assert lines_of(tmp_path) == [Ended(a_record()), Ended(a_record("later"))]
    assert journal.is_written


async def test_lines_that_a_full_disk_took_whole_are_not_written_again(tmp_path: Path) -> None:
    journal, troubles = opened(tmp_path)
    begun = len(encode(a_beginning())) + 1
    journal.begun(a_beginning("first"))
    journal.begun(a_beginning("other"))
    with disk_full_at(begun + 20):
        journal.flush()
        assert len(troubles) == 1
        assert lines_of(tmp_path)[1:] == [None]
    journal._begun.clear()
    journal._try_again()
    assert [line for line in lines_of(tmp_path) if line] == [
        a_beginning("first"),
        a_beginning("other"),
    ]


async def test_a_full_disk_is_tried_again_after_a_while(tmp_path: Path) -> None:
    journal, troubles = opened(tmp_path)
    with disk_full_at(10):
        journal.ended(a_record())
        journal._try_again()
        assert journal._retry is not None
        assert troubles == [troubles[0]], "the same trouble is told once"
    journal._try_again()
    journal.ended(a_record("later"))
    assert [line for line in lines_of(tmp_path) if isinstance(line, Ended)] == [
        Ended(a_record()),
        Ended(a_record("later")),
    ]


async def test_an_empty_journal_leaves_nothing_behind(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.ended(a_record())
    journal.close(is_empty=True)
    assert everything(tmp_path) == []


async def test_a_journal_with_records_left_is_there_for_the_next_life(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.ended(a_record())
    with taken_over(tmp_path, journal.life) as lock:
        assert lock is None, "it lives"
    journal.close(is_empty=False)
    assert set(lives(tmp_path)) == {journal.life}
    with taken_over(tmp_path, journal.life) as lock:
        assert lock is not None


async def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(JournalUnusable, match=r"file/journal: "):
        opened(file / "journal")


async def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    opened(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in everything(tmp_path)} == {0o600}


async def test_lines_are_read_back_as_they_were() -> None:
    for line in (a_beginning(), a_sending(), Ended(a_record(nano_aiu=3, is_partial=True))):
        assert read(encode(line)) == line
    assert isinstance(a_beginning(), Begun)
    assert isinstance(a_sending(), Sent)
