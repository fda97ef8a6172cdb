"""What following an upstream stream means to whoever passes it on, whatever its protocol.

Bytes in, bytes out: no socket, no clock. Pings, deadlines and what a failure means are decided by
others, from what is said here.
"""

from typing import Protocol as Contract

from gateway.domain.protocols import Protocol
from gateway.domain.streams.chat import ChatFollower
from gateway.domain.streams.failures import StreamFailure
from gateway.domain.streams.messages import MessagesFollower
from gateway.domain.streams.responses import ResponsesFollower
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.spent import Spent


class Follower(Contract):
    """Follows one stream from its first byte to its last."""

    events: int
    """Semantic events let through so far. Comments, pings and what was dropped do not count: the
    idle deadline begins anew when it grows, and above 0 the commit point is passed."""
    is_complete: bool
    """The stream's terminal has been handed out, or supplied by `finish`."""
    failure: StreamFailure | None
    """Upstream ended the stream with an error event. That event is never handed out, and nothing
    that comes after it is."""

    @property
    def spent(self) -> Spent:
        """What upstream has said so far that the answer costs, also after a failure or a cut;
        NOTHING at first."""

    def feed(self, chunk: bytes) -> bytes:
        """What may go to the caller now: whole events only.

        A healthy event is handed out as the bytes it came in. Raises GatewayError
        (UPSTREAM_BAD_ANSWER) at an event that does not end.
        """

    def finish(self) -> bytes:
        """What is left to hand out after upstream's body has ended as HTTP says it should."""


def follower_for(
    protocol: Protocol,
    *,
    choices: int = 1,
    created: int = 0,
    model: str = "",
    wants_usage: bool = True,
    meter: Meter | None = None,
) -> Follower:
    """A follower for a new stream.

    choices: how many answers a chat request asked for. created (seconds since the epoch) and
    model stand in where upstream leaves them out. wants_usage: whether a chat chunk that has the
    usage and nothing else is let through. meter: takes note of what the answer costs, for whoever
    has to know it even if the stream is never handed out; without one the follower has its own.
    """
    match protocol:
        case Protocol.CHAT:
            return ChatFollower(choices, created, model, wants_usage=wants_usage, meter=meter)
        case Protocol.RESPONSES:
            return ResponsesFollower(meter)
        case Protocol.MESSAGES:
            return MessagesFollower(meter)
        case Protocol.EMBEDDINGS:
            raise ValueError("embeddings are never streamed")
