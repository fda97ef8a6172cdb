"""USE CASE: one whole upstream answer, read to its end before a caller may see any of it.

It is repaired where SDKs would choke, assembled where upstream only streams, and translated where
the caller speaks another protocol than upstream. Knows neither accounts nor callers.
"""

from codecs import BOM_UTF8
from math import inf

from msgspec.structs import replace

from gateway.domain import upstream_errors
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.upstream_errors import explain_event
from gateway.domain.usage.reading import Meter
from gateway.domain.whole import chat as whole_chat
from gateway.domain.whole import sound as whole
from gateway.domain.whole.assembling import ChatAssembly
from gateway.ports.upstream import UpstreamReply
from gateway.stream_answers import MAX_WHOLE_ANSWER_BYTES, open_stream


async def read_whole(
    reply: UpstreamReply, expected: Expected, meter: Meter, idle_seconds: float
) -> bytes:
    """The whole answer, repaired and translated. Raises GatewayError. meter: see open_stream."""
    body = await reply.read(MAX_WHOLE_ANSWER_BYTES, idle_seconds)
    seen = whole.sound_in(body, expected)
    if seen is None or (expected.translation is not None and not whole.is_utf8(body)):
        return _looked_at(body, expected, meter)
    meter.note_read(seen.used, seen.copilot_usage)
    return translated(body, expected)


def _looked_at(body: bytes, expected: Expected, meter: Meter) -> bytes:
    """What is not plainly an answer; it is repaired only where it has to be."""
    # Some clients would choke on the mark, and it says nothing.
    body = body.removeprefix(BOM_UTF8)
    readable = whole.readable(body)
    # Counted first: what is refused has been paid for too.
    meter.note(readable)
    checked = _checked(readable, expected)
    if expected.translation is None and checked is readable:
        return body
    return translated(checked, expected)


def _checked(body: bytes, expected: Expected) -> bytes:
    failure = whole_chat.error_in_200(body)
    if failure is not None:
        raise explain_event(failure.code, failure.type, failure.message, expected.rows)
    if expected.protocol is not Protocol.CHAT:
        return body
    return whole_chat.repair(body, created=expected.asked.created, choices=expected.choices)


def translated(body: bytes, expected: Expected) -> bytes:
    """A whole answer as the caller reads it. Raises GatewayError."""
    if expected.translation is None:
        return body
    return expected.translation.whole(body, expected.asked)


async def assemble(
    reply: UpstreamReply, expected: Expected, meter: Meter, idle_seconds: float
) -> bytes:
    """One whole answer from a chat stream, translated. Raises GatewayError.

    meter: see open_stream.
    """
    plain = replace(expected, translation=None)
    answer = await open_stream(reply, plain, meter, idle_seconds)
    assembly = _BoundedAssembly()
    await answer.pour(assembly)
    return translated(assembly.result(), expected)


class _BoundedAssembly(ChatAssembly):
    """Puts a stream together that is not larger than a whole answer may be."""

    def __init__(self) -> None:
        super().__init__()
        self._size = 0

    def write(self, piece: bytes, is_complete: bool) -> None:
        """See stream_answers.Outlet."""
        self._size += len(piece)
        if self._size > MAX_WHOLE_ANSWER_BYTES:
            raise GatewayError(
                Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer is larger than allowed here."
            )
        self.feed(piece)


async def refusal_of(
    reply: UpstreamReply, now: float, platform: str, idle_seconds: float = inf
) -> GatewayError:
    """The caller's error for an answer that is no success."""
    try:
        body = await reply.read(upstream_errors.MAX_BODY_BYTES, idle_seconds)
    except GatewayError:
        # It breaks off, stalls, or is too long: the status and the headers have said enough.
        body = b""
    refusal = upstream_errors.read_refusal(reply.status, reply.headers, body, now)
    return upstream_errors.explain(refusal, PLATFORMS[platform].rows)
