"""What `random_stream_faults` draws: a kind of fault, and where in the stream it happens.

Pure: the same seed and the same stream give the same fault. What comes out is an ordinary
fault, as a scenario might have said it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from simulator.faults.framing import frames
from simulator.scenario.faults import (
    End,
    ErrorEvent,
    ErrorText,
    Fault,
    RandomKind,
    RandomStreamFaults,
    Stall,
    Writes,
)
from simulator.wire.answer import Answer

# How often what can come instead of the headers does; and, of the other places, how often the
# place is the boundary of two events.
BEFORE_HEADERS = 0.1
AT_A_BOUNDARY = 0.5
# A write of one byte costs as much as one of many: ten thousand streams have to be affordable.
MOST_SINGLE_BYTES = 600


@dataclass(frozen=True)
class Drawn:
    """A fault that is settled, the answer it is for, and the kind that was drawn."""

    fault: Fault
    answer: Answer
    kind: RandomKind | None = None


@dataclass(frozen=True)
class _Stream:
    """What places are drawn from: how many events there are, and how many bytes."""

    chance: Random
    knobs: RandomStreamFaults
    events: int
    size: int

    def place(self, *, may_be_early: bool) -> dict[str, int]:
        """Where it happens; nothing: before the headers."""
        if may_be_early and self.chance.random() < BEFORE_HEADERS:
            return {}
        if self.chance.random() < AT_A_BOUNDARY:
            return {"after_events": self.chance.randrange(self.events)}
        return {"after_bytes": self.chance.randrange(self.size)}


def settled(fault: Fault, answer: Answer, seed: int) -> Drawn:
    """The fault as drawn; whole answers stay as they are."""
    knobs = fault.random_stream_faults
    if knobs is None:
        return Drawn(fault, answer)
    if answer.events is None:
        return Drawn(fault.model_copy(update={"random_stream_faults": None}), answer)
    events = list(answer.events)
    chance = Random(seed)
    stream = _Stream(chance, knobs, len(events), sum(map(len, frames(events, fault))))
    kind = chance.choice(knobs.kinds)
    update = {"random_stream_faults": None, **KINDS[kind](stream)}
    return Drawn(fault.model_copy(update=update), replace(answer, events=events), kind)


def _end(how: str) -> Callable[[_Stream], dict[str, Any]]:
    def drawn(stream: _Stream) -> dict[str, Any]:
        place = stream.place(may_be_early=how != "finish")
        return {"end": End.model_validate({"how": how, **place})}

    return drawn


def _stall(stream: _Stream) -> dict[str, Any]:
    place = stream.place(may_be_early=True)
    return {"stall": Stall.model_validate({"seconds": stream.knobs.stall_seconds, **place})}


def _error_event(stream: _Stream) -> dict[str, Any]:
    after = stream.chance.randrange(stream.events)
    as_failed = stream.chance.random() < AT_A_BOUNDARY
    return {"error_event": ErrorEvent(after_events=after, as_failed=as_failed)}


def _one_byte_writes(stream: _Stream) -> dict[str, Any]:
    after = stream.chance.randrange(stream.size)
    return {"writes": Writes(bytes=1, after_bytes=after, for_bytes=MOST_SINGLE_BYTES)}


KINDS: Mapping[RandomKind, Callable[[_Stream], dict[str, Any]]] = {
    RandomKind.RESET: _end("reset"),
    RandomKind.CUT: _end("cut"),
    RandomKind.FINISH: _end("finish"),
    RandomKind.STALL: _stall,
    RandomKind.ERROR_EVENT: _error_event,
    RandomKind.ERROR_IN_200: lambda stream: {"error_in_200": ErrorText()},
    RandomKind.ONE_BYTE_WRITES: _one_byte_writes,
    RandomKind.SPLIT_UTF8: lambda stream: {"writes": Writes(split_utf8=True)},
    RandomKind.CRLF: lambda stream: {"line_ends": "crlf"},
}
