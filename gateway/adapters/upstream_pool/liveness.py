"""Whether a connection is as silent as it should be, and for how long it may be left idle."""

import select
from math import inf

_PEER_ENDED = getattr(select, "POLLRDHUP", 0)
"""Linux says so, even while there is something left to read."""


class Silence:
    """One socket's. may_speak: over TLS a session ticket may wait to be read."""

    __slots__ = ("_fileno", "_may_speak", "_poll")

    def __init__(self, fileno: int, *, may_speak: bool) -> None:
        self._fileno = fileno
        self._may_speak = may_speak
        self._poll = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(fileno, select.POLLIN | _PEER_ENDED)

    def __bool__(self) -> bool:
        """Whether the peer has neither ended the connection nor said what it should not."""
        if self._poll is None:
            # Windows has no poll, and no way to tell an end from something to read.
            return self._may_speak or not select.select([self._fileno], [], [], 0)[0]
        events = self._poll.poll(0)
        return not events or (self._may_speak and events[0][1] == select.POLLIN)

    def is_over(self) -> bool:
        """Whether there is anything to be read, an end or an error included."""
        if self._poll is None:
            return bool(select.select([self._fileno], [], [], 0)[0])
        return bool(self._poll.poll(0))


def idle_seconds(said: str) -> float:
    """For how long a connection may be idle whose upstream says `Keep-Alive: timeout=5`.

    Shorter than that: its end is on the way for a while. Endless where no time is named.
    """
    for part in said.split(","):
        name, _, value = part.strip().partition("=")
        if name.lower() == "timeout" and value.isdecimal():
            return max(float(value) - 1.0, float(value) / 2)
    return inf
