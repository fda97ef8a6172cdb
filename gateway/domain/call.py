"""One inference request on its way: what the use cases need to send it, and nothing to log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.api_keys import ApiKey
from gateway.domain.groups import Group
from gateway.domain.initiator import Verdict
from gateway.domain.protocols import Protocol


@dataclass(frozen=True, slots=True)
class Call:
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
    conversation: bytes = field(repr=False)
    """A keyed hash; see domain/conversations.py."""
    body: bytes = field(repr=False)
    caller_headers: Mapping[str, str] = field(repr=False)
