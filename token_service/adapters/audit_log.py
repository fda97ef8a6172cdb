"""The audit stream: the logger token_service.audit, one line per grant and refusal.

What is the same within a window is one line at its first time and one with a count at the
window's end: a caller that asks ten thousand times a second for the same token costs a
dictionary look-up each, and two lines a minute. The number of different things is bounded;
beyond the bound they are counted together under `(others)`. Whatever the log's level is, these
lines are written. They name callers, accounts and token ids, and hold no secret.
"""

import logging
import re
from collections import deque
from collections.abc import Callable
from typing import Any

from runtime.logs import fields
from token_service.ports import Clock

AUDIT_LOGGER = "token_service.audit"
WINDOW_SECONDS = 60.0
MOST_KEYS = 10_000
# Lines written at once; the event loop turns between two such batches.
BATCH = 200
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
        self._clock = clock
        self._grants: dict[Grant, int] = {}
        self._refusals: dict[RefusedCall, int] = {}
        # Bounded: a window's counts are taken over only when those before it are written.
        self._unwritten: deque[tuple[Callable[[Any, int], None], Any, int]] = deque()

    def granted(
        self, caller: str, method: str, account: str, token_id: str, generation: int
    ) -> None:
        key = (caller, method, account, token_id, generation)
        count = self._grants.get(key)
        if count is not None:
            self._grants[key] = count + 1
            return
        if self._is_full:
            key = (caller, method, OTHERS, "", 0)
            self._grants[key] = self._grants.get(key, 0) + 1
            return
        self._grants[key] = 0
        _write_grant(key)

    def refused(self, caller: str, method: str, account: str, reason: str) -> None:
        shown = account if _ACCOUNT.fullmatch(account) else UNFIT
        key = (caller, method, shown, reason)
        count = self._refusals.get(key)
        if count is not None:
            self._refusals[key] = count + 1
            return
        if self._is_full:
            key = (caller, method, OTHERS, reason)
            self._refusals[key] = self._refusals.get(key, 0) + 1
            return
        self._refusals[key] = 0
        _write_refusal(key)

    @property
    def _is_full(self) -> bool:
        return len(self._grants) + len(self._refusals) >= MOST_KEYS

    async def run(self) -> None:
        """Write the counts of each window at its end; never ends by itself."""
        while True:
            await self._clock.sleep(WINDOW_SECONDS)
            self._end_window()
            while self._unwritten:
                self._write(BATCH)
                await self._clock.sleep(0)

    def close(self) -> None:
        """Write what is counted and not written yet."""
        self._end_window()
        self._write(len(self._unwritten))

    def _end_window(self) -> None:
        self._unwritten += ((_write_grant, key, n) for key, n in self._grants.items() if n)
        self._unwritten += ((_write_refusal, key, n) for key, n in self._refusals.items() if n)
        self._grants, self._refusals = {}, {}

    def _write(self, most: int) -> None:
        for _ in range(min(most, len(self._unwritten))):
            write, key, count = self._unwritten.popleft()
            write(key, count)


def _write_grant(key: Grant, count: int | None = None) -> None:
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


def _write_refusal(key: RefusedCall, count: int | None = None) -> None:
    caller, method, account, reason = key
    log.info(
        "refused" if count is None else "refused again",
        extra=fields(
            caller=caller or None, method=method, account=account, reason=reason, count=count or 1
        ),
    )
