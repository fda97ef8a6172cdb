"""Reads journals back, for shipping: this process's own, and what other lives have left.

Both hand out one batch at a time and are told when it is safe elsewhere. A line that was cut off
is passed over and counted.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from gateway.adapters.journal.segments import lives, taken_over
from gateway.adapters.journal.writer import FileJournal, Segment
from gateway.domain.usage.journal import NEWLINE, Ended, Unfinished, read, records_of
from gateway.domain.usage.record import UsageRecord

READ_BYTES = 64 * 1024
"""At a time: decoding as much keeps the loop for a fraction of a millisecond."""
MOST_RECORDS = 4_000
"""Read back for one batch, and some more of the last piece."""
MOST_LINE_BYTES = 64 * 1024
"""No line is near as long; one that is was never ended."""


class OwnRecords:
    """What this process has written down and not yet shipped. See ports.usage.Written.

    While whoever ships keeps up, the records are those that the journal has in memory as well.
    Only what is more than that is read back.
    """

    def __init__(self, journal: FileJournal, on_torn: Callable[[int], None]) -> None:
        self._journal = journal
        self._on_torn = on_torn
        self._reached: Sequence[tuple[Segment, int]] = ()
        """How far each segment is shipped when what was handed out last is."""
        self._is_kept = False
        self.shipped_count = 0
        self.is_all = False

    async def next(self) -> Sequence[UsageRecord]:
        """The next records, oldest first; empty when all there are were handed out."""
        self._journal.flush()
        self.is_all = self._journal.is_written and len(self._journal.recent) == self.pending
        if not self.is_all:
            return await self._read_back()
        self._reached = [(segment, segment.size) for segment in self._journal.segments]
        if not self._journal.recent:
            self._advance()
        return tuple(self._journal.recent)

    async def done(self, records: Sequence[UsageRecord]) -> None:
        """Those of the last call are safe."""
        self.shipped_count += len(records)
        recent = self._journal.recent
        while recent and len(recent) > self.pending:
            recent.popleft()
        self._advance()

    def start_over(self) -> None:
        """Those of the last call are not: they are handed out again."""
        self._reached = ()

    def keep(self) -> None:
        """From now on, remove no file: what is done is safe only for a while."""
        self._is_kept = True

    @property
    def is_empty(self) -> bool:
        """Whether all records are in the ledger and no file is needed."""
        return not self._is_kept and self._journal.ended_count == self.shipped_count

    @property
    def pending(self) -> int:
        """How many records wait."""
        return self._journal.ended_count - self.shipped_count

    async def _read_back(self) -> Sequence[UsageRecord]:
        """From the files. Others have their turn after each piece of them."""
        records = list[UsageRecord]()
        reached = dict[int, tuple[Segment, int]]()
        for number, segment in enumerate(tuple(self._journal.segments)):
            end = segment.read
            while end < segment.size and len(records) < MOST_RECORDS:
                lines, read = self._piece(segment, end)
                if not read:
                    break
                records += records_of(lines)
                end += read
                reached[number] = segment, end
                await asyncio.sleep(0)
        self._reached = tuple(reached.values())
        if not records:
            self._advance()
        return records

    def _piece(self, segment: Segment, start: int) -> tuple[list[bytes], int]:
        """Whole lines, and how many bytes to go on from there."""
        with segment.path.open("rb") as file:
            file.seek(start)
            chunk = file.read(min(READ_BYTES, segment.size - start))
        lines, used = whole_lines(chunk)
        if not used and (segment.is_sealed or len(chunk) >= MOST_LINE_BYTES):
            # What follows a line that was cut off stands in the next segment.
            return [], len(chunk)
        return lines, used

    def _advance(self) -> None:
        reached, self._reached = self._reached, ()
        for segment, end in reached:
            segment.read = end
            if segment.is_sealed and end >= segment.size and not self._is_kept:
                if _is_cut_off(segment):
                    self._on_torn(1)
                self._journal.forget(segment)


class Leftovers:
    """What lives that are over have left in the directory. See ports.usage.Written."""

    is_all = False

    def __init__(
        self, journal: FileJournal, on_torn: Callable[[int], None], most: int = 500
    ) -> None:
        self._journal = journal
        self._on_torn = on_torn
        self._most = most
        self._stack = ExitStack()
        self._records: Iterator[Sequence[UsageRecord]] | None = None
        self._paths: Sequence[Path] = ()
        self._passed: set[str] = set()
        self._is_kept = False

    async def next(self) -> Sequence[UsageRecord]:
        """The next records of a life that is over; empty when there is none."""
        while self._records is not None or self._take_over():
            assert self._records is not None  # noqa: S101  one or the other
            found = next(self._records, None)
            if found is not None:
                return found
            self._finish()
        return ()

    async def done(self, records: Sequence[UsageRecord]) -> None:
        """Those of the last call are safe."""

    def keep(self) -> None:
        """From now on, remove no file."""
        self._is_kept = True

    def start_over(self) -> None:
        """What was handed out last is not safe: begin that life again, at the next call."""
        self._records, self._paths = None, ()
        self._stack.close()

    def _take_over(self) -> bool:
        """Whether there is a life to go through."""
        self._stack.close()
        for life, paths in lives(self._journal.directory).items():
            if life == self._journal.life or life in self._passed:
                continue
            with ExitStack() as stack:
                if stack.enter_context(taken_over(self._journal.directory, life)) is None:
                    continue
                self._stack = stack.pop_all()
            if self._is_kept:
                self._passed.add(life)
            self._paths = paths
            self._records = self._batches(paths)
            return True
        return False

    def _finish(self) -> None:
        """All of that life is safe."""
        self._records = None
        for path in () if self._is_kept else self._paths:
            self._journal.bytes -= path.stat().st_size
            path.unlink()
        self._stack.close()

    def _batches(self, paths: Sequence[Path]) -> Iterator[Sequence[UsageRecord]]:
        """All its records: first those that ended, then one for each request that did not."""
        unfinished, batch = Unfinished(), list[UsageRecord]()
        for path in paths:
            for line in self._lines(path):
                found = read(line)
                if found is None:
                    self._on_torn(1)
                    continue
                unfinished.note(found)
                if isinstance(found, Ended):
                    batch.append(found.record)
                if len(batch) >= self._most:
                    yield batch
                    batch = []
        batch += unfinished.records()
        yield from (batch[at : at + self._most] for at in range(0, len(batch), self._most))

    def _lines(self, path: Path) -> Iterator[bytes]:
        rest = b""
        with path.open("rb") as file:
            while chunk := file.read(READ_BYTES):
                lines, used = whole_lines(rest + chunk)
                yield from lines
                rest = (rest + chunk)[used:]
                if len(rest) > MOST_LINE_BYTES:
                    self._on_torn(1)
                    rest = b""
        if rest:
            self._on_torn(1)


def _is_cut_off(segment: Segment) -> bool:
    """Whether its last line is."""
    with segment.path.open("rb") as file:
        file.seek(max(0, segment.size - 1))
        return file.read(1) not in (NEWLINE, b"")


def whole_lines(chunk: bytes) -> tuple[list[bytes], int]:
    """The lines that are all there, without their newlines, and how many bytes they are."""
    end = chunk.rfind(NEWLINE) + 1
    return chunk[: end - 1].split(NEWLINE) if end else [], end
