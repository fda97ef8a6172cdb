"""Which headers cross the gateway, in closed lists both ways (design §7).

What is not listed does not cross: a caller's cookies, tracing and client telemetry stay here. Of
upstream's headers none comes back: its quota figures are the seat's and not the caller's. What a
platform takes of a caller's, and what it wants beside, is in domain/platforms/.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gateway.domain.initiator import Initiator
from gateway.domain.protocols import Protocol

NEVER_FROM_TOKEN = frozenset(
    {"authorization", "host", "cookie", "x-initiator", "content-length", "transfer-encoding"}
    | {"connection", "keep-alive", "te", "trailer", "upgrade", "proxy-authorization"}
    | {"accept", "accept-encoding", "content-type", "x-request-id", "copilot-vision-request"}
)
"""The broker promises never to send most of these (proto, CopilotToken.headers) and is held to it;
the last line is this request's own, and in another spelling it would be sent twice."""

MAX_VALUE_CHARACTERS = 256
MAX_REQUEST_ID_CHARACTERS = 128
REQUEST_ID_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to upstream, as far as its headers say something of it."""

    caller: Mapping[str, str] = field(repr=False)
    token_value: str = field(repr=False)
    token_headers: Mapping[str, str] = field(repr=False)
    attempt_id: str
    initiator: Initiator | None
    """None: a request that is no inference and has no body."""
    vision: bool = False
    stream: bool = False
    protocol: Protocol | None = None
    """Upstream's."""


def listed(caller: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those of a caller's headers that are named and of a bounded length. Names are lower case."""
    return {
        name: caller[name]
        for name in names
        if 0 < len(caller.get(name, "")) <= MAX_VALUE_CHARACTERS
    }


def for_attempt(from_caller: Mapping[str, str], outgoing: Outgoing) -> dict[str, str]:
    """The headers of one attempt on any platform."""
    headers = dict(from_caller)
    headers.update(
        (name, value)
        for name, value in outgoing.token_headers.items()
        if name.lower() not in NEVER_FROM_TOKEN
    )
    headers["Authorization"] = f"Bearer {outgoing.token_value}"
    headers["X-Request-Id"] = outgoing.attempt_id
    headers["Accept"] = "text/event-stream" if outgoing.stream else "application/json"
    # Compressed events would arrive in bursts: whatever the compressor had gathered.
    headers["Accept-Encoding"] = "identity"
    if outgoing.initiator is not None:
        headers["Content-Type"] = "application/json"
    return headers


def is_request_id(text: str) -> bool:
    """Whether a caller's own request id may be kept beside ours."""
    return 0 < len(text) <= MAX_REQUEST_ID_CHARACTERS and set(text) <= REQUEST_ID_CHARACTERS
