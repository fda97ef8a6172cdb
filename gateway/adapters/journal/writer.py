"""The Journal port as files: lines are appended, and on the disk before the caller goes on.

What is on the disk here is in the kernel's hands: it survives the end of this process, not that
of the machine. A segment that has grown is followed by a new one, which begins with what is known
of the requests under way; so an old one can go as soon as its records are shipped. Where the disk
takes no more, lines wait in memory, in order, and nothing that ended is lost while the process
lives.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.journal.segments import PRIVATE, new_life, segment_path, size_of
from gateway.domain.usage.journal import NEWLINE, Begun, Ended, Sent, encode
from gateway.domain.usage.record import UsageRecord

SEGMENT_BYTES = 8 * 1024 * 1024
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Of lines that the disk does not take; above that no request may begin."""
RETRY_SECONDS = 1.0


@dataclass(slots=True)
class Segment:
    """One file; read up to `read`, of `size` bytes. A sealed one grows no more."""

    path: Path
    size: int = 0
    read: int = 0
    is_sealed: bool = False


class FileJournal:
    """Writes one life's journal. Used on the event loop's thread only.

    most_bytes: the bound of all segments in the directory, other lives' included.
    on_trouble: told when the disk begins or ceases to refuse: the reason, or None.
    """

    def __init__(
        self,
        directory: Path,
        most_bytes: int,
        on_trouble: Callable[[str | None], None],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        """Raises JournalUnusable."""
        self.directory = directory
        self._most_bytes = most_bytes
        self._segment_bytes = segment_bytes
        self._on_trouble = on_trouble
        self.life, self._lock = new_life(directory)
        self.bytes = size_of(directory)
        """On the disk: all segments."""
        self.ended_count = 0
        self.segments: list[Segment] = []
        self._descriptor = -1
        self._numbers = 0
        self._waiting = bytearray()
        self._under_way: dict[str, list[bytes]] = {}
        """Of each request its beginning, and its latest attempt: that says all the others did."""
        self._is_flush_due = False
        self._trouble: str | None = None
        self._is_told = False
        self._retry: asyncio.TimerHandle | None = None
        self._new_segment()

    # --- the port ---

    @property
    def has_room(self) -> bool:
        """See ports.Journal."""
        return self.bytes < self._most_bytes and len(self._waiting) < MOST_WAITING_BYTES

    def begun(self, begun: Begun) -> None:
        """See ports.Journal."""
        line = encode(begun) + NEWLINE
        self._under_way[begun.request_id] = [line]
        self._waiting += line
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_soon)

    def sent(self, sent: Sent) -> None:
        """See ports.Journal."""
        line = encode(sent) + NEWLINE
        known = self._under_way.get(sent.request_id)
        if known is not None:
            known[1:] = [line]
        self._waiting += line
        self.flush()

    def ended(self, record: UsageRecord) -> None:
        """See ports.Journal."""
        self._under_way.pop(record.request_id, None)
        self._waiting += encode(Ended(record)) + NEWLINE
        self.ended_count += 1
        self.flush()

    # --- for whoever ships ---

    def flush(self) -> None:
        """Write what waits. Raises nothing: what the disk does not take waits on."""
        if not self._waiting:
            return
        if self._trouble is None:
            self._write()
        if self._trouble is None and self.segments[-1].size >= self._segment_bytes:
            self._new_segment()

    def _flush_soon(self) -> None:
        self._is_flush_due = False
        self.flush()

    def forget(self, segment: Segment) -> None:
        """A sealed segment is shipped: remove it."""
        self.segments.remove(segment)
        segment.path.unlink(missing_ok=True)
        self.bytes -= segment.size

    def close(self, is_empty: bool) -> None:
        """Nothing more is written. is_empty: every record of this life is shipped."""
        self.flush()
        if self._retry is not None:
            self._retry.cancel()
        self._close_segment()
        # What has not ended here never will: whoever comes next finds that out.
        if is_empty and not self._waiting and not self._under_way:
            for segment in list(self.segments):
                self.forget(segment)
        self._lock.release(forget=not self.segments)

    # --- the disk ---

    def _write(self) -> None:
        try:
            written = os.write(self._descriptor, self._waiting)
        except OSError as error:
            self._give_up(error.strerror or type(error).__name__)
            return
        self.segments[-1].size += written
        self.bytes += written
        if written < len(self._waiting):
            self._give_up("the disk took only part of a line")
            return
        self._waiting.clear()

    def _give_up(self, reason: str) -> None:
        """The last line may be cut off: what waits begins a segment of its own, later."""
        if not self._is_told:
            self._is_told = True
            self._on_trouble(reason)
        self._trouble = reason
        self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._new_segment()
        if self._trouble is None and self._waiting:
            self._write()
        if self._trouble is None and self._is_told:
            self._is_told = False
            self._on_trouble(None)

    def _new_segment(self) -> None:
        self._close_segment()
        self._numbers += 1
        path = segment_path(self.directory, self.life, self._numbers)
        under_way = b"".join(line for lines in self._under_way.values() for line in lines)
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            self._descriptor = os.open(path, flags, PRIVATE)
            segment = Segment(path)
            self.segments.append(segment)
            segment.size = os.write(self._descriptor, under_way)
            self.bytes += segment.size
        except OSError as error:
            self._give_up(error.strerror or type(error).__name__)
            return
        if segment.size < len(under_way):
            self._give_up("the disk took only part of a line")
            return
        self._trouble = None

    def _close_segment(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        if self.segments:
            self.segments[-1].is_sealed = True
