"""What is read back of journals: this process's own, and those of lives that are over."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.adapters.journal import reader
from gateway.adapters.journal.reader import Leftovers, OwnRecords
from gateway.adapters.journal.segments import lives
from gateway.adapters.journal.writer import MOST_RECENT, FileJournal
from gateway.domain.usage.record import UsageRecord
from gateway.ports.usage import Source
from tests.fakes.usage_records import a_beginning, a_record, a_sending

pytestmark = pytest.mark.anyio


class Torn(list[int]):
    """How many lines were cut off."""

    def __call__(self, count: int) -> None:
        self.append(count)


def a_journal(directory: Path, segment_bytes: int = 1 << 20, **more: int) -> FileJournal:
    return FileJournal(directory, 1 << 30, lambda _: None, segment_bytes, **more)


@pytest.fixture(params=[MOST_RECENT, 3, 0], ids=["from memory", "from both", "read back"])
def most_recent(request: pytest.FixtureRequest) -> int:
    """How many records are in memory as well."""
    found: int = request.param
    return found


async def all_of(source: Source) -> list[str]:
    found = []
    while records := await source.next():
        found += [each.request_id for each in records]
        await source.done(records)
    return found


def segments_in(directory: Path) -> list[Path]:
    return list(directory.glob("*.jsonl"))


def write(journal: FileJournal, *request_ids: str) -> None:
    for request_id in request_ids:
        journal.begun(a_beginning(request_id))
        journal.sent(a_sending(request_id))
        journal.ended(a_record(request_id))


async def test_records_are_handed_out_once_and_in_order(tmp_path: Path, most_recent: int) -> None:
    journal = a_journal(tmp_path, most_recent=most_recent)
    own = OwnRecords(journal, Torn())
    write(journal, "a", "b")
    assert own.pending == 2
    assert await all_of(own) == ["a", "b"]
    assert await all_of(own) == []
    write(journal, "c")
    assert await all_of(own) == ["c"]
    assert own.is_empty
    assert own.pending == 0


async def test_records_that_did_not_arrive_are_handed_out_again(
    tmp_path: Path, most_recent: int
) -> None:
    journal = a_journal(tmp_path, most_recent=most_recent)
    own = OwnRecords(journal, Torn())
    write(journal, "a")
    first = await own.next()
    own.start_over()
    assert await own.next() == first
    assert own.pending == 1


async def test_a_segment_goes_when_all_of_it_is_shipped(tmp_path: Path, most_recent: int) -> None:
    journal = a_journal(tmp_path, segment_bytes=1500, most_recent=most_recent)
    own = OwnRecords(journal, Torn())
    write(journal, *map(str, range(20)))
    assert len(journal.segments) > 3
    assert await all_of(own) == [str(number) for number in range(20)]
    assert [segment.is_sealed for segment in journal.segments] == [False]
    assert len(segments_in(tmp_path)) == 1


async def test_with_keep_no_file_goes(tmp_path: Path, most_recent: int) -> None:
    journal = a_journal(tmp_path, segment_bytes=1500, most_recent=most_recent)
    own = OwnRecords(journal, Torn())
    write(journal, *map(str, range(20)))
    own.keep()
    files = len(journal.segments)
    assert len(await all_of(own)) == 20
    assert len(segments_in(tmp_path)) == files
    assert not own.is_empty


async def test_what_comes_while_a_batch_is_on_its_way_is_handed_out_next(
    tmp_path: Path, most_recent: int
) -> None:
    journal = a_journal(tmp_path, segment_bytes=1500, most_recent=most_recent)
    own = OwnRecords(journal, Torn())
    write(journal, "a", "b", "c")
    first = await own.next()
    assert [each.request_id for each in first] == ["a", "b", "c"]
    write(journal, "d", "e")
    await own.done(first)
    assert own.pending == 2
    assert await all_of(own) == ["d", "e"]
    assert own.is_empty


async def test_what_is_in_memory_is_not_read_back(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    own = OwnRecords(journal, Torn())
    write(journal, "a", "b")
    journal.segments[0].path.write_bytes(b"")
    assert await all_of(own) == ["a", "b"]


async def test_memory_is_used_again_when_it_holds_all_that_waits(tmp_path: Path) -> None:
    journal = a_journal(tmp_path, most_recent=3)
    own = OwnRecords(journal, Torn())
    write(journal, *"abcde")
    first = await own.next()
    assert (len(first), own.is_all) == (5, False)
    write(journal, "f")
    await own.done(first)
    assert [each.request_id for each in await own.next()] == ["f"]
    assert own.is_all


async def test_records_that_the_disk_does_not_take_wait(tmp_path: Path) -> None:
    journal = a_journal(tmp_path)
    own = OwnRecords(journal, Torn())
    write(journal, "a")
    journal._give_up("full")
    write(journal, "b")
    assert await all_of(own) == ["a"]
    journal._try_again()
    assert await all_of(own) == ["b"]
    assert await all_of(own) == []
    assert own.is_empty


async def test_a_batch_that_is_read_back_is_bounded_and_lets_others_have_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "READ_BYTES", 2000)
    monkeypatch.setattr(reader, "MOST_RECORDS", 10)
    journal = a_journal(tmp_path, most_recent=0)
    write(journal, *map(str, range(30)))
    own, turns = OwnRecords(journal, Torn()), list[int]()

    async def others() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    task = asyncio.get_running_loop().create_task(others())
    batch = await own.next()
    task.cancel()
    assert 10 <= len(batch) < 15
    assert len(turns) >= len(batch) // 4
    await own.done(batch)
    assert len(batch) + len(await all_of(own)) == 30


async def test_a_line_that_is_cut_off_in_the_own_journal_is_passed_over(
    tmp_path: Path, most_recent: int
) -> None:
    journal = a_journal(tmp_path, most_recent=most_recent)
    torn = Torn()
    own = OwnRecords(journal, torn)
    write(journal, "a")
    segment = journal.segments[0]
    with segment.path.open("ab") as file:
        segment.size += file.write(b'{"line":"ended","reco')
    assert await all_of(own) == ["a"]
    journal._new_segment()
    write(journal, "b")
    assert await all_of(own) == ["b"]
    assert torn == [1]


# --- other lives ----------------------------------------------------------------------------------


def leave(directory: Path, *ended: str, under_way: Sequence[str] = ()) -> FileJournal:
    """A life that is over."""
    journal = a_journal(directory, segment_bytes=1200)
    for request_id in under_way:
        journal.begun(a_beginning(request_id))
    write(journal, *ended)
    journal.close(is_empty=False)
    return journal


async def batches(source: Source) -> list[UsageRecord]:
    found: list[UsageRecord] = []
    while records := await source.next():
        found += records
        await source.done(records)
    return found


async def test_what_a_life_has_left_is_handed_out_and_removed(tmp_path: Path) -> None:
    leave(tmp_path, "a", "b", "c")
    journal = a_journal(tmp_path)
    leftovers = Leftovers(journal, Torn())
    assert await all_of(leftovers) == ["a", "b", "c"]
    assert set(lives(tmp_path)) == {journal.life}
    assert journal.bytes == 0


async def test_a_request_that_never_ended_has_a_partial_record(tmp_path: Path) -> None:
    dead = a_journal(tmp_path)
    dead.begun(a_beginning("sent"))
    dead.sent(a_sending("sent"))
    dead.sent(a_sending("sent", attempts=2))
    dead.begun(a_beginning("begun"))
    write(dead, "ended")
    dead.close(is_empty=False)
    found = {
        each.request_id: each for each in await batches(Leftovers(a_journal(tmp_path), Torn()))
    }
    assert set(found) == {"sent", "begun", "ended"}
    assert not found["ended"].is_partial
    sent, begun = found["sent"], found["begun"]
    assert (sent.outcome, sent.is_partial, sent.attempts) == ("crashed", True, 2)
    assert (sent.account_id, sent.served_model) == ("seat-2", "gpt-4o-mini")
    assert (sent.initiator, sent.stream, sent.premium_multiplier) == ("user", True, 0.33)
    assert (begun.outcome, begun.is_partial, begun.attempts) == ("crashed", True, 0)
    assert (begun.key_id, begun.caller_request_id, begun.nano_aiu) == ("bot", "mine", None)


async def test_requests_carried_into_later_segments_are_not_counted_twice(tmp_path: Path) -> None:
    dead = leave(tmp_path, *map(str, range(12)), under_way=["long"])
    assert len(dead.segments) > 3
    found = await all_of(Leftovers(a_journal(tmp_path), Torn()))
    assert sorted(found) == sorted([*map(str, range(12)), "long"])


async def test_a_life_whose_first_segments_are_shipped_is_continued(tmp_path: Path) -> None:
    dead = a_journal(tmp_path, segment_bytes=1200)
    own = OwnRecords(dead, Torn())
    dead.begun(a_beginning("long"))
    write(dead, *map(str, range(12)))
    shipped = await own.next()
    await own.done(shipped)
    dead.close(is_empty=False)
    found = await all_of(Leftovers(a_journal(tmp_path), Torn()))
    assert "long" in found
    assert {*found, *(each.request_id for each in shipped)} == {*map(str, range(12)), "long"}


async def test_the_journal_of_a_process_that_lives_is_left_alone(tmp_path: Path) -> None:
    alive = a_journal(tmp_path)
    write(alive, "a")
    assert await all_of(Leftovers(a_journal(tmp_path), Torn())) == []
    assert await all_of(OwnRecords(alive, Torn())) == ["a"]


async def test_lines_that_are_cut_off_are_passed_over_and_counted(tmp_path: Path) -> None:
    dead = leave(tmp_path, "a")
    path = dead.segments[-1].path
    path.write_bytes(b"\0\0\0\n" + path.read_bytes() + b'{"line":"ended","record":{"request_id":"b')
    torn = Torn()
    assert await all_of(Leftovers(a_journal(tmp_path), torn)) == ["a"]
    assert sum(torn) == 2


async def test_a_life_that_did_not_arrive_is_begun_again(tmp_path: Path) -> None:
    leave(tmp_path, "a", "b", "c")
    leftovers = Leftovers(a_journal(tmp_path), Torn(), most=2)
    await leftovers.done(await leftovers.next())
    await leftovers.next()
    leftovers.start_over()
    assert await all_of(leftovers) == ["a", "b", "c"]
    assert await all_of(leftovers) == []


async def test_with_keep_each_life_is_handed_out_once_and_stays(tmp_path: Path) -> None:
    leave(tmp_path, "a")
    leave(tmp_path, "b")
    leftovers = Leftovers(a_journal(tmp_path), Torn())
    leftovers.keep()
    assert sorted(await all_of(leftovers)) == ["a", "b"]
    assert sorted(await all_of(Leftovers(a_journal(tmp_path), Torn()))) == ["a", "b"]


async def test_two_processes_do_not_take_over_the_same_life(tmp_path: Path) -> None:
    leave(tmp_path, "a")
    one, other = (Leftovers(a_journal(tmp_path), Torn()) for _ in range(2))
    records = await one.next()
    assert await all_of(other) == []
    one.start_over()
    assert await all_of(other) == [each.request_id for each in records]
