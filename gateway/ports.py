"""What the gateway's use cases need from outside, in their own words.

Whoever implements a port translates foreign errors into GatewayError.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol

from gateway.domain.initiator import Verdict


class Clock(Protocol):
    """Time as the service sees it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A token that lives, and how to use it."""

    account: str
    value: str = field(repr=False)
    token_id: str
    """Names the token without revealing it."""
    api_base_url: str
    headers: Mapping[str, str]


class TokenProvider(Protocol):
    """Tokens of accounts."""

    async def get(self, account: str) -> AccountToken:
        """A living token, without waiting when one is cached.

        Raises GatewayError (SEAT_* or GATEWAY_TOKEN_SERVICE).
        """

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        """Upstream refused a token: another one that lives, or None. Raises nothing."""


@dataclass(frozen=True, slots=True)
class UpstreamRequest:
    """One request to send upstream."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


class UpstreamReply(Protocol):
    """An answer whose status and headers are there; its body may still be arriving."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names in lower case."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises GatewayError (UPSTREAM_*) when it breaks off."""

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises GatewayError when it breaks off or is longer than `limit`."""


class Upstream(Protocol):
    """The way to a platform's API."""

    def send(self, request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamReply]:
        """Send and wait for the headers of the answer; leaving the context ends the request.

        Raises GatewayError (UPSTREAM_*). Being cancelled closes the connection at once.
        """


@dataclass(slots=True)
class Exchange:
    """One caller's request and what became of it: for metrics and the access log.

    Filled in as the request goes along. Holds no content and no secret.
    """

    request_id: str
    route: str
    started: float
    """Monotonic seconds."""
    key: str = ""
    group: str = ""
    account: str = ""
    model: str = ""
    stream: bool = False
    verdict: Verdict | None = None
    fault: str = ""
    status: int = 0
    upstream_seconds: float = 0.0
    """Time spent waiting for upstream's headers."""
    first_byte_seconds: float | None = None
    stream_end: str = ""
    answer_bytes: int = 0


class GatewayEvents(Protocol):
    """What happened, in the gateway's words; metrics are made of it."""

    def request_started(self, exchange: Exchange) -> None:
        """A key was accepted and the request belongs to a group now."""

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        """The answer is out, or the caller is gone."""
