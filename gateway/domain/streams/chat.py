"""Follows a chat stream, and repairs of it what clients choke on (copilot-upstream.md §6.1, §6.2).

A healthy chunk goes on as the bytes it is. Dropped: chunks with nothing for a caller in them, and
the one with the usage alone where the caller did not ask for it (usage/asking.py did).
Completed: chunks without object, created, id or model. Taken out: padding. Merged: an answer that
was split into choices (chat_choices.py). The stream is complete with `[DONE]`, or with a clean end
after every choice has finished and the usage was said.
"""

from typing import NamedTuple

from msgspec import Raw

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams import chat_chunks
from gateway.domain.streams.chat_choices import NOTHING_USED, CallIndexes, Ending, without_end
from gateway.domain.streams.chat_chunks import Choice, Chunk
from gateway.domain.streams.chat_identity import Identity, are_absent
from gateway.domain.streams.failures import failure_in
from gateway.domain.streams.framing import with_data
from gateway.domain.streams.likeness import Field, Kind
from gateway.domain.streams.reading import DONE, EventReader
from gateway.domain.streams.surrogates import restored
from gateway.domain.usage.reading import Meter

DONE_EVENT = b"data: [DONE]\n\n"
TEXTS = (Field(b'"content":"'), Field(b'"arguments":"'), Field(b'"reasoning_text":"'))
OTHERS = (Field(b'"obfuscation":"'), Field(b'"padding":"', Kind.CHANGED))
METERED = b'usage"'
"""What stands in every chunk that says what was used (§6.1, §6.6)."""
MAX_CHOICES = 1024

_NO_CHOICES = {"choices": Raw(b"[]")}


class Source(NamedTuple):
    """An event as upstream sent it, and what it says."""

    event: bytes
    data: bytes

    def saying(self, data: bytes) -> bytes:
        """The event with these data; itself when they are its own."""
        return self.event if data is self.data else with_data(self.event, data)


class ChatFollower(EventReader):
    """See following.Follower."""

    def __init__(
        self,
        choices: int,
        created: int,
        model: str,
        *,
        wants_usage: bool = True,
        meter: Meter | None = None,
    ) -> None:
        """choices: how many answers the caller asked for. wants_usage: whether a chunk that has
        the usage and nothing else is for whoever reads what is let through."""
        super().__init__(TEXTS, OTHERS, meter or Meter(Protocol.CHAT))
        self._wants_usage = wants_usage
        self._is_one = choices <= 1
        self._identity = Identity(created, model)
        self._calls = CallIndexes()
        self._ending = Ending()
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._has_usage = False

    def _take(self, event: bytes, data: bytes) -> bytes:
        if data.strip() == DONE:
            return self._done(event)
        chunk = chat_chunks.read(data)
        if chunk is None:
            return self._unread(event, data)
        if chunk.is_ordinary and not self._ending.is_held:
            self._seen.add(0)
            self._identity.note(chunk)
            return self._learn(event, event)
        self._note(chunk)
        if chunk.says_usage:
            self._meter.note(data)
        if chunk.choices:
            return self._with_choices(Source(event, data), chunk)
        return self._without_choices(Source(event, data), chunk)

    def _unread(self, event: bytes, data: bytes) -> bytes:
        sent = self._take_marked(event, data)
        if sent is not None:
            return sent
        # The caller's own parser is the judge of what cannot be read here.
        if METERED in data:
            self._meter.note(data)
        return self._pass(event)

    def _close(self) -> bytes:
        is_whole = bool(self._seen) and self._seen <= self._finished and self._has_usage
        return self._done(DONE_EVENT) if is_whole else b""

    def _done(self, event: bytes) -> bytes:
        sent = self._pass(self._ending.release()) + self._pass(event)
        self.is_complete = True
        self._end()
        return sent

    def _note(self, chunk: Chunk) -> None:
        self._has_usage = self._has_usage or bool(chunk.usage)
        for choice in chunk.choices or ():
            self._seen.add(choice.number)
            if choice.finish_reason:
                self._finished.add(choice.number)
        if len(self._seen) > MAX_CHOICES:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream sent too many choices.")

    def _without_choices(self, source: Source, chunk: Chunk) -> bytes:
        """An error, the usage, or nothing that concerns a caller (`choices: null` above all)."""
        failure = failure_in(restored(source.data))
        if failure is not None:
            return self._fail(failure)
        if chunk.says_usage and not self._wants_usage:
            return self._pass(self._ending.release())
        is_named = chunk.choices == [] and chunk.is_named
        if not (is_named or chunk.says_usage):
            return b""
        sent = source.saying(self._repaired(source.data, chunk))
        return self._pass(self._ending.release()) + self._pass(sent)

    def _with_choices(self, source: Source, chunk: Chunk) -> bytes:
        data = self._repaired(source.data, chunk)
        choices = chunk.choices or []
        if self._is_one and len(choices) > 1:
            return b"".join(self._single(source, each) for each in chat_chunks.singles(data))
        if self._is_one:
            return self._first(source, data, chunk, choices[0])
        return self._learn(source.event, source.saying(data))

    def _single(self, source: Source, data: bytes) -> bytes:
        chunk = chat_chunks.read(data)
        if chunk is None or not chunk.choices:
            return b""
        return self._first(source, data, chunk, chunk.choices[0])

    def _first(self, source: Source, data: bytes, chunk: Chunk, choice: Choice) -> bytes:
        """A chunk of one choice, as one of the first choice; held back when it finishes that."""
        before = self._pass(self._ending.overtaken())
        indexes = self._calls.of(choice)
        if choice.number or indexes != [call.index for call in choice.calls]:
            data = chat_chunks.merged(data, indexes)
        event = source.saying(data)
        if not choice.finish_reason:
            return before + self._learn(source.event, event)
        if self._ending.is_sent:
            return before + self._pass(without_end(event, data))
        usage = chat_chunks.usage_in(data) if chunk.says_usage else NOTHING_USED
        self._ending.hold(event, data, choice.finish_reason, usage)
        return before

    def _learn(self, event: bytes, sent: bytes) -> bytes:
        self._likeness.learn(event, sent)
        return self._pass(sent)

    def _repaired(self, data: bytes, chunk: Chunk) -> bytes:
        """What a chunk says with what it lacks, and without padding; itself if it is healthy."""
        self._identity.note(chunk)
        lacking = self._identity.lacking(chunk)
        if not isinstance(chunk.choices, list):
            lacking = {**lacking, **_NO_CHOICES}
        if chunk.is_padded or not are_absent(lacking, chunk):
            return chat_chunks.changed(data, lacking)
        return chat_chunks.completed(data, lacking) if lacking else data
