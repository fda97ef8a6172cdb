"""One inference request on its way: what the use cases need to send it, and nothing to log."""

from collections.abc import Mapping

import msgspec

from gateway.domain.api_keys import ApiKey
from gateway.domain.groups import Group
from gateway.domain.initiator import Verdict
from gateway.domain.protocols import Protocol
from gateway.domain.requests.oddities import UNKNOWN, Oddities


class Call(msgspec.Struct, frozen=True, gc=False):
    """A caller's request, judged and ready to be sent."""

    protocol: Protocol
    key: ApiKey
    group: Group
    fallback: Group | None
    """Whose accounts serve when none of the group's can."""
    model: str
    """As the caller spelled it."""
    stream: bool
    choices: int
    """How many answers were asked for (`n`)."""
    wants_usage: bool
    """Whether a chat stream is to say what it cost."""
    vision: bool
    verdict: Verdict
    conversation: bytes
    """A keyed hash; see domain/conversations.py."""
    body: bytes
    caller_headers: Mapping[str, str]
    oddities: Oddities = UNKNOWN
    """Of the body."""

    def __repr__(self) -> str:
        """Nothing that was said, and no header."""
        return f"Call({self.protocol}, {self.key.id!r}, {self.model!r}, stream={self.stream})"
