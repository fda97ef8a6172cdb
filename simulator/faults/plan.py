"""From an answer and a fault to a plan of writes: what is sent, in which pieces, when, how it ends.

Pure; web/delivery.py carries a plan out. Changes of content are faults/events.py's.
"""

import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from simulator.faults.events import changed
from simulator.faults.framing import frames, plain_frames
from simulator.scenario.faults import Fault, Point, Stall, Writes
from simulator.wire.answer import Answer

# Silence "until the caller leaves" ends after this: no wait is without a bound.
LONGEST_SILENCE_SECONDS = 3600.0

GZIP_WINDOW = 31


class Ending(StrEnum):
    """How the simulator ends an answer."""

    FINISH = "finish"
    CUT = "cut"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Step:
    """A pause in seconds, then a write."""

    pause: float
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens to a connection from when the answer is known.

    Either `whole` is sent at once or the steps one after another. length: what the headers
    say; None: the body is chunked. Without headers nothing is sent at all.
    """

    status: int
    headers: Mapping[str, str]
    steps: Iterable[Step] = field(default=(), repr=False)
    whole: bytes | None = field(default=None, repr=False)
    length: int | None = None
    ending: Ending = Ending.FINISH
    delay_seconds: float = 0.0
    sends_headers: bool = True


def plain_plan(answer: Answer, gzip: bool) -> Plan:
    """An answer sent as it should be."""
    if answer.hangs:
        return _silence(answer)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    if answer.events is None and not gzip:
        return Plan(
            answer.status,
            headers,
            whole=answer.body,
            length=len(answer.body),
            delay_seconds=answer.delay_seconds,
        )
    steps: Iterable[Step] = [Step(0.0, answer.body)]
    if answer.events is not None:
        steps = _timed(plain_frames(answer.events), answer.gap_seconds)
    if gzip:
        headers["Content-Encoding"] = "gzip"
        steps = _compressed(steps, is_complete=True)
    return Plan(answer.status, headers, steps, delay_seconds=answer.delay_seconds)


def faulty_plan(plain: Answer, fault: Fault, gzip: bool) -> Plan:
    """An answer sent as a fault wants it."""
    answer = changed(plain, fault)
    end = fault.end
    if end is not None and end.before_headers and end.how != "finish":
        return Plan(
            answer.status,
            {},
            ending=Ending(end.how),
            delay_seconds=_delay(answer, fault),
            sends_headers=False,
        )
    if answer.hangs:
        return _silence(answer)
    whole = _body_frames(answer, fault)
    steps = _faulty_steps(whole, answer.gap_seconds, fault)
    ending = Ending.FINISH if end is None else Ending(end.how)
    headers = {"Content-Type": answer.content_type, **answer.headers}
    length = None if answer.events is not None else _length(whole, steps, ending)
    if gzip or fault.gzip:
        headers["Content-Encoding"] = "gzip"
        length = None
        steps = list(_compressed(steps, is_complete=ending is Ending.FINISH))
    return Plan(
        answer.status,
        headers,
        steps,
        length=length,
        ending=ending,
        delay_seconds=_delay(answer, fault),
    )


def _delay(answer: Answer, fault: Fault) -> float:
    """The pause before the headers; a stall without a place is one."""
    is_early = fault.stall is not None and fault.stall.before_headers
    silence = _silence_of(fault.stall) if is_early else 0.0
    return answer.delay_seconds + fault.delay_seconds + silence


def _silence_of(stall: Stall | None) -> float:
    seconds = stall.seconds if stall else 0.0
    return LONGEST_SILENCE_SECONDS if seconds is None else seconds


def _silence(answer: Answer) -> Plan:
    return Plan(
        answer.status,
        {},
        ending=Ending.RESET,
        delay_seconds=LONGEST_SILENCE_SECONDS,
        sends_headers=False,
    )


def _length(whole: Sequence[bytes], steps: Sequence[Step], ending: Ending) -> int:
    """What the headers say of a body that is not chunked: one that breaks off says the length
    that it would have had."""
    if ending is Ending.FINISH:
        return sum(len(step.data) for step in steps)
    return sum(map(len, whole))


def _faulty_steps(whole: list[bytes], gap: float, fault: Fault) -> list[Step]:
    steps = _divided(list(_timed(whole, gap)), fault.writes)
    if fault.end is not None and not fault.end.before_headers:
        steps = list(_up_to(steps, _offset(fault.end, whole)))
    if fault.stall is not None and not fault.stall.before_headers:
        steps = list(_with_pause(steps, _offset(fault.stall, whole), _silence_of(fault.stall)))
    return steps


def _body_frames(answer: Answer, fault: Fault) -> list[bytes]:
    if answer.events is None:
        return [answer.body] if answer.body else []
    return frames(answer.events, fault)


def _timed(whole: Iterable[bytes], gap: float) -> Iterator[Step]:
    return (Step(gap if number else 0.0, data) for number, data in enumerate(whole))


def _offset(point: Point, whole: Sequence[bytes]) -> int:
    """Where in the body a point lies, in bytes."""
    if point.after_events is not None:
        return sum(map(len, whole[: point.after_events]))
    return point.after_bytes or 0


def _divided(steps: list[Step], writes: Writes | None) -> list[Step]:
    """The same bytes in other writes; the pause before an event stays before its first write."""
    if writes is None:
        return steps
    if writes.events is not None:
        groups = [steps[i : i + writes.events] for i in range(0, len(steps), writes.events)]
        return [_joined(group) for group in groups]
    if writes.all_at_once:
        return [_joined(steps)] if steps else []
    return list(_cut_up(steps, writes))


def _cut_up(steps: Sequence[Step], writes: Writes) -> Iterator[Step]:
    """Each step in pieces, in the stretch where that is wanted."""
    start = writes.after_bytes
    end = sys.maxsize if writes.for_bytes is None else start + writes.for_bytes
    offset = 0
    for step in steps:
        cuts = _cuts(step.data, writes) if offset + len(step.data) > start else []
        yield from _cut(step, [cut for cut in cuts if start <= offset + cut <= end])
        offset += len(step.data)


def _joined(steps: Sequence[Step]) -> Step:
    return Step(steps[0].pause, b"".join(step.data for step in steps))


def _cuts(data: bytes, writes: Writes) -> list[int]:
    """Where to divide: every so many bytes, or inside every character of several bytes."""
    if writes.bytes is not None:
        return list(range(writes.bytes, len(data), writes.bytes))
    return [index for index, byte in enumerate(data) if byte & 0xC0 == 0x80]


def _cut(step: Step, cuts: Sequence[int]) -> Iterator[Step]:
    bounds = [0, *cuts, len(step.data)]
    for number, (start, end) in enumerate(pairwise(bounds)):
        yield Step(0.0 if number else step.pause, step.data[start:end])


def _up_to(steps: Sequence[Step], offset: int) -> Iterator[Step]:
    """The first bytes only."""
    for step in steps:
        if offset <= 0:
            return
        yield Step(step.pause, step.data[:offset])
        offset -= len(step.data)


def _with_pause(steps: Sequence[Step], offset: int, seconds: float) -> Iterator[Step]:
    """A pause after the first bytes; at the end if there are fewer."""
    paused = False
    for step in steps:
        if not paused and offset < len(step.data):
            if offset > 0:
                yield Step(step.pause, step.data[:offset])
                yield Step(seconds, step.data[offset:])
            else:
                yield Step(max(step.pause, seconds), step.data)
            paused = True
            continue
        if not paused:
            offset -= len(step.data)
        yield step
    if not paused:
        yield Step(seconds, b"")


def _compressed(steps: Iterable[Step], is_complete: bool) -> Iterator[Step]:
    """gzip with a flush after each write, so that what was sent can be read."""
    compressor = zlib.compressobj(wbits=GZIP_WINDOW)
    for step in steps:
        data = compressor.compress(step.data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        yield Step(step.pause, data)
    if is_complete:
        yield Step(0.0, compressor.flush())
