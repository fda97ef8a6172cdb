"""The audit stream: the logger gateway.audit, apart from the access log and at every log.level.

Callers' refusals, once each and then as a count a minute (runtime/repeats). Pauses, reloads and
changes of keys are written to the same logger where they happen. Lines name addresses and ids of
keys; no key, and nothing of a digest, is in them.
"""

import logging

from gateway.domain.errors import Fault
from runtime.logs import fields
from runtime.repeats import Repeats, Sleeper, Window

AUDIT_LOGGER = "gateway.audit"
OTHERS = "(others)"

log = logging.getLogger(AUDIT_LOGGER)

RefusedCaller = tuple[Fault, str, str]


class AuditLog:
    """The Audit port as log lines."""

    def __init__(self, clock: Sleeper) -> None:
        log.setLevel(logging.INFO)
        self._window = Window(clock)
        self._refusals = Repeats(self._window, _write_refusal, _of_anybody)

    def refused(self, fault: Fault, address: str, key_id: str = "") -> None:
        """A caller was turned away. address: as domain/client_address gives it."""
        self._refusals.seen((fault, address, key_id))

    async def run(self) -> None:
        """Write the counts of each minute at its end; never ends by itself."""
        await self._window.run()

    def close(self) -> None:
        """Write what is counted and not written yet."""
        self._window.close()


def _of_anybody(key: RefusedCaller) -> RefusedCaller:
    return (key[0], OTHERS, "")


def _write_refusal(key: RefusedCaller, count: int | None) -> None:
    fault, address, key_id = key
    log.info(
        "refused" if count is None else "refused again",
        extra=fields(reason=fault.value, address=address, key=key_id or None, count=count or 1),
    )
