"""Where a body may be poured: what the way back to a caller has to be, as seen from upstream."""

from typing import Protocol


class Sink(Protocol):
    """Takes a body as it arrives, inside the event loop's callback: no task runs in between.

    A sink that falls behind calls the reply's `pause`, and `resume` when it has caught up; what
    one read had brought may still come after `pause`.
    """

    def write(self, data: bytes) -> None:
        """More of the body, never empty. Waits for nothing; raising ends the request."""
