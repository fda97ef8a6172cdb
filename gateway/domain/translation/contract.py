"""What translating between two protocols is: a request there, an answer back, whole or streamed.

Bytes in, bytes out; no socket, no clock, no randomness. The caller's protocol is served over
upstream's: `messages_over_chat` takes Messages from the caller and speaks chat upstream. What the
other protocol cannot say is refused by name or dropped by a rule that docs/translation.md lists;
nothing is changed silently.
"""

from typing import Protocol as Contract

import msgspec

from gateway.domain.protocols import Protocol


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What an answer has to know of its request."""

    model: str
    """As the caller spelled it."""
    created: int
    """Seconds since the epoch."""
    answer_id: str
    """Letters and digits, unique: what ids that the caller's protocol wants are made of."""
    wants_usage: bool = True
    """Whether a chat stream is to say its usage (`stream_options.include_usage`)."""
    body: bytes = b""
    """The caller's own request: what its answer repeats, and which tools were of which kind."""

    def __repr__(self) -> str:
        """Nothing that was said."""
        return f"Asked({self.model!r}, {self.answer_id!r})"


class StreamTranslator(Contract):
    """Translates one stream, event by event."""

    def feed(self, events: bytes) -> bytes:
        """What whole events of upstream's protocol, as a Follower hands them out, come to."""

    def finish(self) -> bytes:
        """What is left to say after upstream's own end, the caller's protocol's end included.

        Called once, and only for a stream that was complete.
        """


class Translation(Contract):
    """One protocol served over another."""

    caller: Protocol
    upstream: Protocol

    def request(self, body: bytes) -> bytes:
        """The request in upstream's protocol.

        Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED) that names what cannot be
        said there.
        """

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """A whole answer in the caller's protocol. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""

    def stream(self, asked: Asked) -> StreamTranslator:
        """A translator for one stream."""
