"""Says in the log why upstream cannot be reached: a line a minute for each host and reason.

Every request to a host ends the same way, so more lines would say no more.
"""

import logging
from collections.abc import Callable

from gateway.adapters.upstream_pool.destination import Target
from gateway.domain.unreachable import Reason
from runtime.logs import fields

log = logging.getLogger("gateway")

LOG_SECONDS = 60.0
MOST_KEPT = 1_000


class Complaints:
    """What was said lately. now: seconds of a clock that only goes forward."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._silent_until: dict[tuple[Target | None, Reason], float] = {}

    def tell(self, target: Target | None, reason: Reason) -> None:
        """A request did not reach the target. None: what it was to be sent to is no URL."""
        now, key = self._now(), (target, reason)
        if self._silent_until.get(key, now) > now:
            return
        if len(self._silent_until) >= MOST_KEPT:
            self._silent_until.clear()
        self._silent_until[key] = now + LOG_SECONDS
        host, port = (None, None) if target is None else (target.host, target.port)
        log.warning(
            "upstream cannot be reached", extra=fields(host=host, port=port, reason=reason.value)
        )
