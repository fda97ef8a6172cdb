"""A caller's request and the way back, whoever reads it: our own protocol or aiohttp.

Endpoints know this and neither of the two.
"""

from collections.abc import Mapping
from typing import Protocol

from gateway.web.headers import Headers


class Flow(Protocol):
    """Whoever writes a stream, and is told how fast it may."""

    def hold(self) -> None:
        """The caller is behind: write nothing more for now, if that can be helped."""

    def go_on(self) -> None:
        """It has caught up."""


class Outgoing(Protocol):
    """The way back to one caller; nothing here waits."""

    @property
    def has_begun(self) -> bool:
        """Whether a status line is out."""

    @property
    def is_behind(self) -> bool:
        """Whether the caller has not taken what was written."""

    def follow(self, flow: Flow | None) -> None:
        """Tell this one from now on when the caller falls behind and catches up."""

    def begin(self, headers: Mapping[str, str], closes: bool) -> None:
        """Begin a stream of status 200. closes: the connection ends with it, and says so."""

    def write(self, piece: bytes) -> None:
        """Some bytes of a stream, which has begun."""

    def end(self) -> None:
        """The stream's proper end."""

    def break_off(self) -> None:
        """End the connection behind what was written, without a proper end."""


class Inbound(Protocol):
    """One request."""

    @property
    def method(self) -> str:
        """Such as POST."""

    @property
    def path(self) -> str:
        """Decoded, without the query."""

    @property
    def headers(self) -> Headers:
        """The request's."""

    @property
    def remote(self) -> str | None:
        """The address at the other end of the connection."""

    @property
    def outgoing(self) -> Outgoing:
        """The way back."""

    @property
    def is_broken(self) -> bool:
        """Whether its body could not be read, so that nothing can follow on its connection."""

    @property
    def is_aged(self) -> bool:
        """Whether its connection is old enough to end, or all are to end."""

    def parameter(self, name: str) -> str | None:
        """A parameter of the query; the first with this name."""

    async def body(self, limit: int) -> bytes:
        """The whole body, decompressed.

        Raises GatewayError: CALLER_BODY_TOO_LARGE, at once where the length is announced,
        CALLER_BODY_TIMEOUT, CALLER_BODY_INVALID.
        """
