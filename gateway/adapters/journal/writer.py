"""The Journal port as files: lines are appended, and on the disk before the caller goes on.

What is on the disk here is in the kernel's hands: it survives the end of this process, not that
of the machine. A segment that has grown is followed by a new one, which begins with what is known
of the requests under way; so an old one can go as soon as its records are shipped. Where the disk
takes no more, lines wait in memory, in order, and nothing that ended is lost while the process
lives.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.journal.segments import PRIVATE, new_life, segment_path, size_of
from gateway.domain.usage.journal import NEWLINE, Begun, Ended, Line, Sent, text_of
from gateway.domain.usage.record import UsageRecord

SEGMENT_BYTES = 8 * 1024 * 1024
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""Of lines that the disk does not take; above that no request may begin."""
RETRY_SECONDS = 1.0
MOST_RECENT = 8_192
"""Records that are kept in memory as well; some 8 MB."""


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
        most_recent: int = MOST_RECENT,
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
        self.recent: deque[UsageRecord] = deque(maxlen=most_recent)
        """The latest that ended, for whoever ships and need not read them back."""
        self.segments: list[Segment] = []
        self._descriptor = -1
        self._numbers = 0
        self._lines: list[Line] = []
        """What came since the last flush."""
        self._waiting = bytearray()
        """What the disk did not take."""
        self._begun: dict[str, Begun] = {}
        """The requests under way."""
        self._sent: dict[str, Sent] = {}
        """Their latest attempts: each says all that the ones before it did."""
        self._is_flush_due = False
        self._trouble: str | None = None
        self._is_told = False
        self._retry: asyncio.TimerHandle | None = None
        self._new_segment()

    # --- the port ---

    @property
    def has_room(self) -> bool:
        """See ports.usage.Journal."""
        return self.bytes < self._most_bytes and len(self._waiting) < MOST_WAITING_BYTES

    def begun(self, begun: Begun) -> None:
        """See ports.usage.Journal."""
        self._begun[begun.request_id] = begun
        self._lines.append(begun)
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush_soon)

    def sent(self, sent: Sent) -> None:
        """See ports.usage.Journal."""
        if sent.request_id in self._begun:
            self._sent[sent.request_id] = sent
        self._lines.append(sent)
        self.flush()

    def ended(self, record: UsageRecord) -> None:
        """See ports.usage.Journal."""
        self._begun.pop(record.request_id, None)
        self._sent.pop(record.request_id, None)
        self._lines.append(Ended(record))
        self.ended_count += 1
        self.recent.append(record)
        self.flush()

    # --- for whoever ships ---

    def flush(self) -> None:
        """Write what waits. Raises nothing: what the disk does not take waits on."""
        if not self._lines:
            return
        lines = text_of(self._lines)
        self._lines.clear()
        if self._trouble is None:
            self._write(lines)
        else:
            self._waiting += lines

    @property
    def is_written(self) -> bool:
        """Whether the disk has taken all there is."""
        return not self._waiting and not self._lines

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
        if is_empty and self.is_written and not self._begun:
            for segment in list(self.segments):
                self.forget(segment)
        self._lock.release(forget=not self.segments)

    # --- the disk ---

    def _write(self, lines: bytes) -> None:
        try:
            written = os.write(self._descriptor, lines)
        except OSError as error:
            self._waiting += lines
            self._give_up(error.strerror or type(error).__name__)
            return
        segment = self.segments[-1]
        segment.size += written
        self.bytes += written
        if written < len(lines):
            # Whole lines are there: only from the one that was cut off on they are written again.
            self._waiting += lines[lines.rfind(NEWLINE, 0, written) + 1 :]
            self._give_up("the disk took only part of a line")
        elif segment.size >= self._segment_bytes:
            self._new_segment()

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
            lines = bytes(self._waiting)
            self._waiting.clear()
            self._write(lines)
        if self._trouble is None and self._is_told:
            self._is_told = False
            self._on_trouble(None)

    def _new_segment(self) -> None:
        self._close_segment()
        self._numbers += 1
        path = segment_path(self.directory, self.life, self._numbers)
        under_way = text_of([*self._begun.values(), *self._sent.values()])
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
