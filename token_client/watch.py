"""One stream for all accounts of this process: kept open, opened again, never needed.

Tokens that come by it spare callers the wait; without it every account is asked for one by one
when its renewal is due. Newcomers do not each reopen the stream: they are gathered for a while,
which grows with what a reopening costs.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing

from token_client.errors import BrokerUnreachable, TokenError, TokenRefused, TokenUnavailable
from token_client.lifetime import pause_after
from token_client.token import Removed, Token

log = logging.getLogger("token_client")

Change = Token | Removed

FIRST_GATHER_SECONDS = 0.1
GATHER_SECONDS_PER_ACCOUNT = 1 / 200
LONGEST_GATHER_SECONDS = 30.0
"""5,000 tokens are half a second's work for both ends together: a fiftieth of the time at most."""

MAX_ACCOUNTS = 20_000
"""Bound of the stream and of the cache. A fleet's accounts come from configuration: fewer."""

REFUSED_PAUSE_SECONDS = 60.0
LONGEST_PAUSE_SECONDS = 60.0


def gather_seconds(followed: int) -> float:
    """How long to wait for further newcomers before `followed` accounts are sent once more."""
    return min(FIRST_GATHER_SECONDS + followed * GATHER_SECONDS_PER_ACCOUNT, LONGEST_GATHER_SECONDS)


def pause_before_reopening(end: TokenError, failures: int, jitter: float) -> float:
    """Seconds to wait after the n-th stream in a row (n ≥ 1) has ended; jitter in [0, 1).

    A broken stream finds another replica within 2 s. A broker that knows no such call, or not
    this caller, is left alone for a minute; one that is overloaded says how long.
    """
    if isinstance(end, TokenRefused):
        return REFUSED_PAUSE_SECONDS * (1 - jitter / 2)
    if isinstance(end, BrokerUnreachable) or end.reason == "DRAINING":
        return pause_after(failures, None, jitter)
    if end.retry_after is not None:
        return pause_after(failures, end.retry_after, jitter)
    return min(2.0 ** min(failures, 10), LONGEST_PAUSE_SECONDS) * (1 - jitter / 2)


class Watch:
    """Follows accounts; `run` is a task of the client's.

    open_stream: gives the changes of the named accounts, and ends by raising TokenError.
    deliver: told each change as it comes.
    """

    def __init__(
        self,
        open_stream: Callable[[Sequence[str]], AsyncGenerator[Change]],
        deliver: Callable[[Change], None],
        sleep: Callable[[float], Awaitable[object]],
        jitter: Callable[[], float],
    ) -> None:
        self._open_stream = open_stream
        self._deliver = deliver
        self._sleep = sleep
        self._jitter = jitter
        self._followed: dict[str, None] = {}
        self._on_stream: set[str] = set()
        self._grown = asyncio.Event()
        self._moved = asyncio.Event()
        self._received = False
        self._complained = False

    def follow(self, accounts: Iterable[str]) -> bool:
        """From now on follow these too; False when that would be too many. Costs nothing twice."""
        new = {account: None for account in accounts if account not in self._on_stream}
        together = self._followed | new if new else self._followed
        if len(together) > MAX_ACCOUNTS:
            return False
        if new:
            self._followed = together
            self._grown.set()
        return True

    def forget(self, account: str) -> None:
        """Leave it out when the stream is opened next."""
        self._followed.pop(account, None)

    def reopen(self) -> None:
        """Move to the connection that is the right one now."""
        self._moved.set()

    async def run(self) -> None:
        """Keep the stream open until cancelled."""
        await self._grown.wait()
        await self._sleep(gather_seconds(0))
        failures = 0
        while True:
            end = await self._one_stream()
            if end is None:
                continue
            failures = 1 if self._received else failures + 1
            self._report(end)
            await self._sleep(pause_before_reopening(end, failures, self._jitter()))

    async def _one_stream(self) -> TokenError | None:
        """Follow until the stream breaks, and why; None when it is to be opened anew at once."""
        accounts = tuple(self._followed)
        self._on_stream = set(accounts)
        self._received = False
        self._grown.clear()
        self._moved.clear()
        async with asyncio.TaskGroup() as group:
            tasks = (
                group.create_task(self._read(accounts)),
                group.create_task(self._until_grown(len(accounts))),
                group.create_task(self._moved.wait()),
            )
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        reading = tasks[0]
        return None if reading.cancelled() else reading.result()

    async def _until_grown(self, followed: int) -> None:
        await self._grown.wait()
        await self._sleep(gather_seconds(followed))

    async def _read(self, accounts: Sequence[str]) -> TokenError:
        try:
            async with aclosing(self._open_stream(accounts)) as changes:
                async for change in changes:
                    self._take(change)
        except TokenError as error:
            return error
        except Exception as error:
            # A surprise must not end the client's other tasks: without a stream it can do its work.
            log.exception("watching failed unexpectedly")
            return TokenUnavailable(f"the token client failed: {type(error).__name__}")
        return BrokerUnreachable("the stream has ended")

    def _take(self, change: Change) -> None:
        self._received = True
        self._complained = False
        if isinstance(change, Removed):
            # Who follows it again, because it is there again, has the stream reopened.
            self._on_stream.discard(change.account)
        self._deliver(change)

    def _report(self, end: TokenError) -> None:
        if isinstance(end, TokenRefused) and not self._complained:
            self._complained = True
            log.warning("no stream of tokens: %s; each account is asked for instead", end)
        else:
            log.debug("the stream of tokens has ended: %s", end)
