"""What an answer of upstream's will be, known before it is asked for. A value only."""

import msgspec

from gateway.domain.protocols import Protocol
from gateway.domain.refusals import Row
from gateway.domain.translation.contract import Asked, Translation


class Expected(msgspec.Struct, frozen=True, gc=False):
    """What an answer is, and what is to become of it.

    rows: what errors mean on this platform. choices: how many answers a chat request asked for.
    """

    protocol: Protocol
    """Upstream's."""
    asked: Asked
    choices: int
    rows: tuple[Row, ...]
    translation: Translation | None
    """None where the caller speaks upstream's protocol."""
    wants_usage: bool = True
    """Whether a chat chunk that has nothing but the usage is of use to whoever reads the stream."""
