"""A request as endpoints see it, free of any HTTP library."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.scenario.faults import Script
from simulator.state.accounts import Holder
from simulator.state.world import MAIN
from simulator.wire.chat_request import ChatRequest


@dataclass(frozen=True, slots=True)
class Request:
    """What came in. Header names are looked up without regard to case.

    listener: `main` or the plan whose API host it came to. base_url: the address it was sent
    to, as its Host header names it.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    listener: str
    base_url: str
    client_ip: str

    @property
    def is_for_main(self) -> bool:
        """Whether it came to the listener that is GitHub too."""
        return self.listener == MAIN


@dataclass(frozen=True, slots=True)
class Question:
    """A request with what was found out about it before it is answered.

    secret: what it presented as authorization. chat: its body as a chat request; None if it
    is not one.
    """

    request: Request
    secret: str | None = field(repr=False)
    holder: Holder | None
    chat: ChatRequest | None = None
    model: str | None = None
    script: Script = field(default_factory=Script)
