"""Event payloads as lines of an event stream, in all the forms that parsers must take (§6.1)."""

from collections.abc import Iterable, Iterator

from simulator.scenario.faults import Fault

LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
COMMENT = b": simulated comment"


def plain_frames(events: Iterable[bytes]) -> Iterator[bytes]:
    """The usual form: `data: `, line feeds."""
    return (b"data: %b\n\n" % event for event in events)


def frames(events: Iterable[bytes], fault: Fault) -> list[bytes]:
    """The form a fault asks for. A comment goes with the event before it."""
    end = LINE_ENDS[fault.line_ends]
    field = b"data: " if fault.space_after_colon else b"data:"
    comment = COMMENT + end * 2
    every = fault.comment_every
    return [
        field + event + end * 2 + (comment if every and number % every == 0 else b"")
        for number, event in enumerate(events, start=1)
    ]
