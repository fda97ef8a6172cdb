"""USE CASE: brings usage records from where they were written down into the ledger.

Nobody waits for it. While the ledger is down, records stay where they are and it tries again;
when the process ends meanwhile, they go to the shared store, from which any replica ships them.
A record that arrives twice is one record: the ledger knows it by its id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gateway.domain.usage.report import Line, Question
from gateway.ports.clock import Clock
from gateway.ports.usage import (
    Ledger,
    LedgerDown,
    ShippingEvents,
    Source,
    Spending,
    Spill,
    Sums,
    Written,
)

INTERVAL_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 5.0
"""Between attempts while the ledger is down."""
LEFTOVERS_SECONDS = 5.0
"""How often other lives' records, and those in the shared store, are looked for."""
PURGE_SECONDS = 3600.0
DAY_SECONDS = 86_400.0
CATCH_UP_SECONDS = 2.0


class Shipper:
    """Ships; `run` does it until it is cancelled, `close` once more at the end.

    fraction: uniform in [0, 1); spreads the replicas' retention runs. sleep: between shipments.
    """

    def __init__(
        self,
        own: Written,
        leftovers: Written,
        spill: Spill,
        ledger: Ledger,
        clock: Clock,
        events: ShippingEvents,
        *,
        retention_days: int,
        fraction: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._own = own
        self._leftovers = leftovers
        self._spill = spill
        self._ledger = ledger
        self._clock = clock
        self._events = events
        self._retention_seconds = retention_days * DAY_SECONDS
        self._fraction = fraction
        self._sleep = sleep
        self._one = asyncio.Lock()
        self._is_prepared = False
        self._look_at = 0.0
        self._purge_at = 0.0

    async def run(self) -> None:
        """Ship again and again; never ends by itself."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            if await self.catch_up():
                pause = FIRST_PAUSE_SECONDS
                await self._purge_when_due()
                await self._sleep(INTERVAL_SECONDS)
            else:
                await self._sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)

    async def catch_up(self) -> bool:
        """Ship what there is now; whether the ledger has taken all of it."""
        async with self._one:
            try:
                await self._prepare()
                await self._ship(self._own)
                if self._clock.monotonic() >= self._look_at:
                    await self._ship(self._leftovers)
                    await self._ship(self._spill)
                    self._look_at = self._clock.monotonic() + LEFTOVERS_SECONDS
            except LedgerDown as error:
                self._events.ledger_down(str(error))
                return False
            self._events.ledger_up()
            return True

    async def close(self, seconds: float) -> bool:
        """Ship what is left, in so many seconds; whether all of it is in the ledger.

        What the ledger does not take goes to the shared store, and stays where it is as well.
        """
        try:
            async with asyncio.timeout(seconds):
                if await self.catch_up():
                    return True
        except TimeoutError:
            self._events.ledger_down("no answer in time")
        for source in (self._own, self._leftovers):
            source.start_over()
            source.keep()
            await self._spill_all(source)
        return False

    # --- parts ---

    async def _prepare(self) -> None:
        if not self._is_prepared:
            await self._ledger.prepare()
            self._is_prepared = True

    async def _ship(self, source: Source) -> None:
        while records := await source.next():
            try:
                await self._ledger.add(records)
            except BaseException:
                # Cancelled too: whoever has asked for it may have run out of time.
                source.start_over()
                raise
            await source.done(records)
            self._events.shipped(len(records))
            if source.is_all:
                # What has come meanwhile is a batch of its own, later: else each would be
                # smaller than the one before, and a busy gateway would never be done.
                return

    async def _spill_all(self, source: Source) -> None:
        spilled = left = 0
        while records := await source.next():
            if left or not await self._spill.put(records):
                left += len(records)
            else:
                spilled += len(records)
            await source.done(records)
        self._events.spilled(spilled, left)

    async def _purge_when_due(self) -> None:
        now = self._clock.monotonic()
        if now < self._purge_at:
            return
        # Not all replicas at once, and not the moment they start.
        self._purge_at = now + PURGE_SECONDS * (0.5 + self._fraction())
        try:
            await self._ledger.purge(self._clock.now() - self._retention_seconds)
        except LedgerDown as error:
            self._events.ledger_down(str(error))


class CaughtUp:
    """The ledger, with what this process has written down in it before it is asked for sums."""

    def __init__(self, shipper: Shipper, ledger: Sums) -> None:
        self._shipper = shipper
        self._ledger = ledger

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        """See ports.usage.Sums."""
        await self._catch_up()
        return await self._ledger.key_spending(key_id, since, until)

    async def group_spending(self, group_id: str, since: float, until: float) -> Spending:
        """See ports.usage.Sums."""
        await self._catch_up()
        return await self._ledger.group_spending(group_id, since, until)

    async def report(self, question: Question) -> Sequence[Line]:
        """See ports.usage.Sums."""
        await self._catch_up()
        return await self._ledger.report(question)

    async def _catch_up(self) -> None:
        try:
            async with asyncio.timeout(CATCH_UP_SECONDS):
                if not await self._shipper.catch_up():
                    raise LedgerDown("down")
        except TimeoutError:
            raise LedgerDown("no answer in time") from None
