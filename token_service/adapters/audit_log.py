"""The audit stream: the logger token_service.audit, one line per grant and refusal.

What is the same within a window is one line at its first time and one with a count at the
window's end (runtime/repeats): a caller that asks ten thousand times a second for the same token
costs a dictionary look-up each, and two lines a minute. The number of different things is bounded;
beyond the bound they are counted together under `(others)`. Whatever the log's level is, these
lines are written. They name callers, accounts and token ids, and hold no secret.
"""

import logging
import re

from runtime import repeats
from runtime.logs import fields
from runtime.repeats import Repeats, Window
from token_service.ports.clock import Clock

AUDIT_LOGGER = "token_service.audit"
WINDOW_SECONDS = repeats.WINDOW_SECONDS
MOST_KEYS = repeats.MOST_KEYS
BATCH = repeats.BATCH
OTHERS = "(others)"
# What a caller sends as an account's name may be anything; a configured one looks like this.
_ACCOUNT = re.compile(r"[A-Za-z0-9._-]{0,64}")
UNFIT = "(not an account's name)"

log = logging.getLogger(AUDIT_LOGGER)

Grant = tuple[str, str, str, str, int]
RefusedCall = tuple[str, str, str, str]


class AuditLog:
    """The Audit port as log lines."""

    def __init__(self, clock: Clock) -> None:
        log.setLevel(logging.INFO)
        self._window = Window(clock)
        self._grants = Repeats(self._window, _write_grant, _other_grant)
        self._refusals = Repeats(self._window, _write_refusal, _other_refusal)

    def granted(
        self, caller: str, method: str, account: str, token_id: str, generation: int
    ) -> None:
        self._grants.seen((caller, method, account, token_id, generation))

    def refused(self, caller: str, method: str, account: str, reason: str) -> None:
        shown = account if _ACCOUNT.fullmatch(account) else UNFIT
        self._refusals.seen((caller, method, shown, reason))

    async def run(self) -> None:
        """Write the counts of each window at its end; never ends by itself."""
        await self._window.run()

    def close(self) -> None:
        """Write what is counted and not written yet."""
        self._window.close()


def _other_grant(key: Grant) -> Grant:
    return (key[0], key[1], OTHERS, "", 0)


def _other_refusal(key: RefusedCall) -> RefusedCall:
    return (key[0], key[1], OTHERS, key[3])


def _write_grant(key: Grant, count: int | None) -> None:
    caller, method, account, token_id, generation = key
    log.info(
        "granted" if count is None else "granted again",
        extra=fields(
            caller=caller,
            method=method,
            account=account,
            token_id=token_id,
            generation=generation,
            count=count or 1,
        ),
    )


def _write_refusal(key: RefusedCall, count: int | None) -> None:
    caller, method, account, reason = key
    log.info(
        "refused" if count is None else "refused again",
        extra=fields(
            caller=caller or None, method=method, account=account, reason=reason, count=count or 1
        ),
    )
