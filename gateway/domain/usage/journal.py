"""The lines of the journal: what is known of a request when it begins, when it is sent, at its end.

A line is one JSON object and a newline. A line that is cut off is no object, so it is told from
one that is whole. Written and read here; files are an adapter's business.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.usage.record import Outcome, UsageRecord


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, tag_field="line"):
    """What all lines are."""


class Begun(_Line, frozen=True, tag="begun"):
    """A request whose key was accepted."""

    request_id: str
    time: float
    key_id: str
    group_id: str
    platform: str
    endpoint: str
    caller_request_id: str = ""


class Sent(_Line, frozen=True, tag="sent"):
    """A request that goes upstream now, for the so many-th time."""

    request_id: str
    account_id: str
    served_group_id: str
    platform: str
    requested_model: str
    served_model: str
    initiator: str
    initiator_rule: str
    stream: bool
    attempts: int
    premium_multiplier: float | None = None


class Ended(_Line, frozen=True, tag="ended"):
    """A request's record: nothing more comes of it."""

    record: UsageRecord


Line = Begun | Sent | Ended

_encoder = msgspec.json.Encoder()
encode = _encoder.encode
"""One line, without its newline."""
_decode: Callable[[bytes], Line] = msgspec.json.Decoder(Line).decode
NEWLINE = b"\n"
_NO_ENDS = (b'{"line":"begun"', b'{"line":"sent"')
"""What a line says first."""


def text_of(lines: Collection[Line]) -> bytes:
    """These lines, each with its newline. Raises nothing."""
    try:
        return _encoder.encode_lines(lines)
    except UnicodeEncodeError:
        # Halves of surrogate pairs, which nobody should have let in; no other line is lost.
        texts = (json.dumps(msgspec.to_builtins(line), ensure_ascii=False) for line in lines)
        return b"".join(text.encode(errors="replace") + NEWLINE for text in texts)


def read(line: bytes) -> Line | None:
    """One line without its newline; None for what is no line of a journal, or not all of one."""
    try:
        return _decode(line)
    except UNREADABLE:
        return None


def records_of(lines: Iterable[bytes]) -> list[UsageRecord]:
    """Those that ended in these lines. What says first that it is no end is not read further."""
    rest = (read(line) for line in lines if not line.startswith(_NO_ENDS))
    return [line.record for line in rest if isinstance(line, Ended)]


class Unfinished:
    """What a journal says of requests that have no end in it, from its lines in their order."""

    def __init__(self) -> None:
        self._begun: dict[str, Begun] = {}
        self._sent: dict[str, Sent] = {}

    def note(self, line: Line) -> None:
        """One line more."""
        match line:
            case Begun():
                self._begun[line.request_id] = line
            case Sent():
                if line.request_id in self._begun:
                    self._sent[line.request_id] = line
            case Ended(record):
                self._begun.pop(record.request_id, None)
                self._sent.pop(record.request_id, None)

    def records(self) -> Iterator[UsageRecord]:
        """One for each: its process ended in the middle of it."""
        for begun in self._begun.values():
            yield _crashed(begun, self._sent.get(begun.request_id))


def _crashed(begun: Begun, sent: Sent | None) -> UsageRecord:
    record = UsageRecord(
        request_id=begun.request_id,
        time=begun.time,
        key_id=begun.key_id,
        group_id=begun.group_id,
        platform=begun.platform,
        endpoint=begun.endpoint,
        caller_request_id=begun.caller_request_id,
        outcome=Outcome.CRASHED.value,
        is_partial=True,
    )
    if sent is None:
        return record
    return msgspec.structs.replace(
        record,
        account_id=sent.account_id,
        served_group_id=sent.served_group_id,
        platform=sent.platform,
        requested_model=sent.requested_model,
        served_model=sent.served_model,
        initiator=sent.initiator,
        initiator_rule=sent.initiator_rule,
        stream=sent.stream,
        attempts=sent.attempts,
        premium_multiplier=sent.premium_multiplier,
    )
