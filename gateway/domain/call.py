"""One inference request on its way: what the use case needs to send it, and nothing it may log."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.domain.initiator import Verdict


@dataclass(frozen=True, slots=True)
class Call:
    """A caller's request, judged and ready to be sent for one account."""

    path: str
    """Upstream's path, such as /chat/completions."""
    account: str
    model: str
    stream: bool
    vision: bool
    verdict: Verdict
    body: bytes = field(repr=False)
    caller_headers: Mapping[str, str] = field(repr=False)
