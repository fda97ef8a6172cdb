"""A request as endpoints see it, free of any HTTP library."""

from dataclasses import dataclass, field
from typing import Protocol, overload

from simulator.scenario.faults import Script
from simulator.state.accounts import Holder
from simulator.state.world import MAIN


class Headers(Protocol):
    """Headers by name, without regard to case; a name may have several values."""

    @overload
    def get(self, key: str, /) -> str | None: ...

    @overload
    def get(self, key: str, default: str, /) -> str: ...

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Every value of a name."""


@dataclass(frozen=True, slots=True)
class Request:
    """What came in.

    listener: `main` or the plan whose API host it came to. base_url: the address it was sent
    to, as its Host header names it.
    """

    method: str
    path: str
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    listener: str
    base_url: str
    client_ip: str

    @property
    def is_for_main(self) -> bool:
        """Whether it came to the listener that is GitHub too."""
        return self.listener == MAIN


class Body(Protocol):
    """A decoded body, as far as rules and the ledger know it."""

    model: str
    stream: bool | None


@dataclass(frozen=True, slots=True)
class Question:
    """A request with what was found out about it before it is answered.

    secret: what it presented as authorization. body: decoded as its path wants it; None if it
    cannot be.
    """

    request: Request
    secret: str | None = field(repr=False)
    holder: Holder | None
    body: Body | None = field(default=None, repr=False)
    model: str | None = None
    script: Script = field(default_factory=Script)
