"""Event payloads as lines of an event stream, in all the forms that parsers must take (§6.1)."""

from collections.abc import Iterable, Iterator

from simulator.scenario.faults import Fault
from simulator.wire.answer import Event

LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
COMMENT = b": simulated comment"


def plain_frames(events: Iterable[Event]) -> Iterator[bytes]:
    """The usual form: `data: `, line feeds; before it the name, if there is one."""
    for data, name in events:
        if name:
            yield b"event: %b\ndata: %b\n\n" % (name.encode(), data)
        else:
            yield b"data: %b\n\n" % data


def frames(events: Iterable[Event], fault: Fault) -> list[bytes]:
    """The form a fault asks for. A comment goes with the event before it."""
    end = LINE_ENDS[fault.line_ends]
    colon = b": " if fault.space_after_colon else b":"
    comment = COMMENT + end * 2
    every = fault.comment_every
    return [
        (b"event" + colon + event.name.encode() + end if event.name else b"")
        + b"data" + colon + event.data + end * 2
        + (comment if every and number % every == 0 else b"")
        for number, event in enumerate(events, start=1)
    ]  # fmt: skip
