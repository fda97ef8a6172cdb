"""Which headers cross the gateway, in closed lists both ways (design §7).

What is not listed does not cross: a caller's cookies, tracing and client telemetry stay here. Of
upstream's headers none comes back: its quota figures are the seat's and not the caller's. What a
platform takes of a caller's, and what it wants beside, is in domain/platforms/.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

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


class Outgoing(msgspec.Struct, frozen=True):
    """Requests to upstream with one token, as far as their headers say something of them."""

    token_value: str
    token_headers: Mapping[str, str]
    initiator: Initiator | None
    """None: a request that is no inference and has no body."""
    vision: bool = False
    stream: bool = False
    protocol: Protocol | None = None
    """Upstream's."""

    def __repr__(self) -> str:
        """No token."""
        return f"Outgoing({self.protocol}, {self.initiator}, stream={self.stream})"


class Standing(dict[str, str]):
    """Headers that many requests have in common; the token's value is among them.

    head: how they are written, for whoever writes them to keep with them: it goes when they go.
    """

    __slots__ = ("head",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        super().__init__(headers)
        self.head: tuple[object, bytes] | None = None

    def __repr__(self) -> str:
        """No value."""
        return f"Standing({list(self)})"


class AttemptHeaders(Mapping[str, str]):
    """The headers of one attempt: those that stand, and its own. No name is in both."""

    __slots__ = ("own", "standing")

    def __init__(self, standing: Standing, own: Mapping[str, str]) -> None:
        self.standing = standing
        self.own = own

    def __repr__(self) -> str:
        """No value."""
        return f"AttemptHeaders({list(self)})"

    def __getitem__(self, name: str) -> str:
        return self.own[name] if name in self.own else self.standing[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.own
        yield from self.standing

    def __len__(self) -> int:
        return len(self.own) + len(self.standing)


def attempt(standing: Standing, from_caller: dict[str, str], attempt_id: str) -> AttemptHeaders:
    """Where the token brings a header, the caller's does not count.

    from_caller: this function's to change.
    """
    if from_caller:
        taken = {name.lower() for name in standing}
        from_caller = {name: value for name, value in from_caller.items() if name not in taken}
    from_caller["X-Request-Id"] = attempt_id
    return AttemptHeaders(standing, from_caller)


def listed(caller: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Those of a caller's headers that are named and of a bounded length. Names are lower case."""
    found = {}
    for name in names:
        value = caller.get(name)
        if value and len(value) <= MAX_VALUE_CHARACTERS:
            found[name] = value
    return found


def standing(outgoing: Outgoing) -> Standing:
    """What all requests like this have in common, on any platform."""
    headers = Standing(
        {
            name: value
            for name, value in outgoing.token_headers.items()
            if name.lower() not in NEVER_FROM_TOKEN
        }
    )
    headers["Authorization"] = f"Bearer {outgoing.token_value}"
    headers["Accept"] = "text/event-stream" if outgoing.stream else "application/json"
    # Compressed events would arrive in bursts: whatever the compressor had gathered.
    headers["Accept-Encoding"] = "identity"
    if outgoing.initiator is not None:
        headers["Content-Type"] = "application/json"
    return headers


def is_request_id(text: str) -> bool:
    """Whether a caller's own request id may be kept beside ours."""
    return 0 < len(text) <= MAX_REQUEST_ID_CHARACTERS and set(text) <= REQUEST_ID_CHARACTERS
