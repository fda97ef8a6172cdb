"""What following a stream is in every protocol: cut it into events, hand each one on or not.

Only whole events go on. What is unfinished waits, so that a stream that breaks off never leaves
half an event at the caller. One event in a chunk, like the one before it, costs a comparison.
What an event means is the protocol's business: chat.py, messages.py, responses.py.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from gateway.domain import lenient_json
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.streams import surrogates
from gateway.domain.streams.failures import StreamFailure, failure_in
from gateway.domain.streams.framing import Unfinished, data_of, end_of, with_data
from gateway.domain.streams.likeness import Field, Likeness
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.spent import Spent

DONE = b"[DONE]"


class EventReader(ABC):
    """Follows one stream; see following.Follower."""

    def __init__(self, texts: Sequence[Field], others: Sequence[Field], meter: Meter) -> None:
        """texts, others: see Likeness. meter: takes note of what upstream says that the answer
        costs."""
        self.events = 0
        self.is_complete = False
        self.failure: StreamFailure | None = None
        self._is_over = False
        """Nothing more may go to the caller."""
        self._has_marks = False
        """Something that was read was marked (surrogates.py)."""
        self._likeness = Likeness(texts, others)
        self._unfinished = Unfinished()
        self._meter = meter

    @property
    def spent(self) -> Spent:
        """What upstream has said so far that the answer costs."""
        return self._meter.spent

    def feed(self, chunk: bytes) -> bytes:
        """What may go to the caller now. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        pattern = self._likeness.pattern
        if pattern is not None and len(chunk) <= pattern.most and not self._unfinished.kept:
            sent = pattern.of(chunk)
            if sent is not None:
                self.events += 1
                return sent
        return b"" if self._is_over else self._each(self._unfinished.with_more(chunk))

    def finish(self) -> bytes:
        """Upstream's body ended as HTTP says it should: what is left to forward."""
        if self._is_over:
            return b""
        rest = self._last(self._unfinished.take())
        return rest if self._is_over else rest + self._close()

    def _each(self, buffer: bytes) -> bytes:
        sent: list[bytes] = []
        start = 0
        while not self._is_over:
            if self._likeness.pattern is not None:
                start = self._alike(buffer, start, sent)
            if start == len(buffer):
                break
            end = end_of(buffer, start)
            if end < 0:
                self._unfinished.keep(buffer[start:])
                break
            sent.append(self._one(buffer[start:end]))
            start = end
        return b"".join(sent)

    def _alike(self, buffer: bytes, start: int, sent: list[bytes]) -> int:
        """Add what to send for as many like events as there are, and return where they end."""
        pattern = self._likeness.pattern
        while pattern is not None and start < len(buffer):
            start, events, found = pattern.run(buffer, start)
            if not events:
                break
            self.events += events
            sent.append(found)
        return start

    def _one(self, event: bytes) -> bytes:
        pattern = self._likeness.pattern
        if pattern is not None and (sent := pattern.of(event)) is not None:
            self.events += 1
            return sent
        data = data_of(event)
        if data is None:
            return self._without_data(event)
        if not data.strip():
            return b""  # nothing is said, and SDKs would try to read it
        self._likeness.forget()
        return self._take(event, data)

    def _without_data(self, event: bytes) -> bytes:
        """Comments and lines of no meaning pass. A stream may be no stream: an error, in JSON."""
        if self.events == 0 and event.lstrip().startswith(b"{"):
            failure = failure_in(event)
            if failure is not None:
                return self._fail(failure)
        return event

    def _last(self, rest: bytes) -> bytes:
        """The last event where only the empty line after it is missing.

        Half an event cannot be taken for one: no part of an object is an object.
        """
        data = data_of(rest)
        if data is None:
            self._without_data(rest)
        elif data.strip() == DONE or is_object(data):
            return self._one(rest + (b"\n" if rest.endswith(b"\n") else b"\n\n"))
        return b""

    def _pass(self, event: bytes) -> bytes:
        """One event more for the caller, or none where it is empty."""
        if event:
            self.events += 1
        return surrogates.restored(event) if self._has_marks else event

    def _take_marked(self, event: bytes, data: bytes) -> bytes | None:
        """What to send for an event that cannot be read because of halves of characters in it.

        Which is then the bytes it is, but for what would have been changed without them as well.
        None where there are none.
        """
        marked = surrogates.marked(data)
        if marked == data:
            return None
        self._has_marks = True
        marked_event = with_data(event, marked)
        sent = self._take(marked_event, marked)
        return event if sent == surrogates.restored(marked_event) else sent

    def _fail(self, failure: StreamFailure) -> bytes:
        self.failure = failure
        self._end()
        return b""

    def _end(self) -> None:
        self._is_over = True
        self._likeness.forget()

    @abstractmethod
    def _take(self, event: bytes, data: bytes) -> bytes:
        """What to send for an event that says something; counts what it sends."""

    @abstractmethod
    def _close(self) -> bytes:
        """What the end of the body lets through."""


def is_object(data: bytes) -> bool:
    """Whether this is one whole JSON object."""
    if not data.lstrip().startswith(b"{"):
        return False
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except UNREADABLE:
        return lenient_json.strict(data) is not None
    return True
