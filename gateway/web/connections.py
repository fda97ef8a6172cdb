"""Callers' connections: how old each is, and when it is to end.

A load balancer spreads connections, not requests: without an end, old connections keep old
replicas busy and new ones idle. The age differs by up to a tenth, so that connections made at
one moment do not end at one moment.
"""

from gateway.ports.clock import Clock

SPREAD = 0.1
STEPS = 100


class Connections:
    """All connections of the callers' port."""

    def __init__(self, clock: Clock, max_age_seconds: float) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._ends: dict[object, float] = {}
        self._number = 0
        self.is_draining = False

    def opened(self, protocol: object) -> None:
        """A caller has connected."""
        self._number = (self._number + 1) % STEPS
        spread = 1 - SPREAD * self._number / STEPS
        self._ends[protocol] = self._clock.monotonic() + self._max_age_seconds * spread

    def taken_over(self, protocol: object, former: object) -> None:
        """One's connection is another's now, and as old as it was."""
        self._ends[protocol] = self._ends[former]

    def closed(self, protocol: object) -> None:
        """The connection is gone."""
        self._ends.pop(protocol, None)

    def is_due(self, protocol: object) -> bool:
        """Whether a connection is to end with its next answer: it is old enough, or all are to."""
        if self.is_draining:
            return True
        end = self._ends.get(protocol)
        return end is not None and self._clock.monotonic() >= end
