"""The client of the token broker: cached tokens, renewal ahead of need, a deadline on every call.

Owns the cache and its background tasks. A caller waits for the broker only when there is no
usable token; a renewal that is due runs in the background, and its failure is nobody's problem
until the token dies. New tokens also come by themselves, over one stream for all accounts. All
callers of an account share one call, which a caller that leaves does not cancel.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import grpc

from token_client.calls import Calls, Patience
from token_client.connection import Connection
from token_client.entries import Complaint, Entry
from token_client.errors import BrokerUnreachable, TokenError, TokenRefused, TokenUnavailable
from token_client.files import Files, Tls
from token_client.token import Removed, Token
from token_client.watch import MAX_ACCOUNTS, Change, Watch

log = logging.getLogger("token_client")

Outcome = Token | TokenError

ATTEMPT_SECONDS = 12.0
"""Deadline of one attempt: an exchange with GitHub takes up to 10 s. A replica that hangs costs
no more than this; the broker goes on with the exchange, and the next attempt joins it."""


class TokenClient:
    """Tokens of any number of accounts from one broker. Use it as an async context manager.

    target: a gRPC target such as "127.0.0.1:50051" or "dns:///token-service:50051".
    tls: None is plaintext, for loopback. token_file: holds the bearer token this caller presents.
    watch: whether to hold a stream by which new tokens come ahead of need.
    connect_seconds: how long a caller without a usable token waits for a replica to be there.
    call_seconds: how long it waits in all. When a replica dies in an exchange, another takes
    over once the lock is free (15 s by default) and exchanges anew.
    interceptors: of the channel, for tracing and the like.
    clock, jitter, sleep: monotonic seconds, numbers in [0, 1), pauses; tests pass their own.

    Entering raises UnusableFiles.
    """

    def __init__(
        self,
        target: str,
        *,
        tls: Tls | None = None,
        token_file: Path | None = None,
        watch: bool = True,
        connect_seconds: float = 3.0,
        call_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        self._call_seconds = call_seconds
        self._clock = clock
        self._jitter = jitter
        self._entries: dict[str, Entry] = {}
        self._flights: dict[str, asyncio.Future[Outcome]] = {}
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()
        self._watching = watch
        self._closed = False
        files = Files(tls, token_file)
        self._connection = Connection(
            target, files, clock, lambda: self._watch.reopen(), interceptors
        )
        patience = Patience(connect_seconds, min(ATTEMPT_SECONDS, call_seconds), call_seconds)
        self._calls = Calls(self._connection, patience, clock, jitter, sleep)
        self._watch = Watch(self._calls.watch, self._deliver, sleep, jitter)

    async def __aenter__(self) -> Self:
        """Read the files and open the channel; connecting happens with the first call."""
        self._connection.open()
        await self._tasks.__aenter__()
        if self._watching:
            self._start(self._watch.run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cancel calls under way and close the channel; waiting callers get BrokerUnreachable."""
        self._closed = True
        for task in self._running:
            task.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)
        finally:
            await self._connection.close()

    def peek(self, account: str) -> Token | None:
        """The cached token if it is usable, without waiting; starts a renewal when one is due."""
        entry = self._entries.get(account)
        if entry is None:
            return None
        now = self._clock()
        token = entry.usable(now)
        if token is not None and entry.wants_asking(token, now):
            self._ask_aside(account, entry)
        return token

    async def get(self, account: str) -> Token:
        """A usable token. Raises TokenRefused or TokenUnavailable."""
        token = self.peek(account)
        if token is not None:
            return token
        entry = self._entry(account)
        refusal = entry.refusal(self._clock())
        if refusal is not None and account not in self._flights:
            raise refusal
        outcome = await asyncio.shield(self._flight(account, entry))
        if isinstance(outcome, Token):
            return outcome
        token = entry.usable(self._clock())
        if token is None:
            raise outcome.again(outcome.retry_after)
        return token

    async def invalidate(self, account: str, token_id: str, reason: str = "") -> Token | None:
        """Upstream refused a token although it lives: tell the broker, once for all who say so.

        Returns a usable token other than that one; None when there is none to be had now. Then
        pass upstream's refusal on: the next get() has the broker's word on it. Until the broker
        has answered, get() does not give that token to anybody. reason: a few words for the
        broker's log, never a token. Raises BrokerUnreachable only when the client is closed.
        """
        entry = self._entry(account)
        if entry.complain(token_id, reason, self._clock()):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._call_seconds):
                    # A call under way began before the complaint; the one after it carries it.
                    while entry.complaint is not None:
                        _ = await asyncio.shield(self._flight(account, entry))
        return entry.other_than(token_id, self._clock())

    def follow(self, accounts: Iterable[str]) -> None:
        """Keep the tokens of these accounts coming, whether or not anyone asks for them.

        Not needed for accounts that get() was asked for. An account nobody asks for is not
        renewed on its followers' behalf. Raises ValueError above MAX_ACCOUNTS.
        """
        if not self._watch.follow(accounts):
            raise ValueError(f"more than {MAX_ACCOUNTS} accounts cannot be followed")

    # --- what comes by the stream ---

    def _deliver(self, change: Change) -> None:
        if isinstance(change, Removed):
            entry = self._entries.get(change.account)
            if entry is not None:
                entry.removed()
            return
        entry = self._entry(change.account)
        if entry.pushed(change, self._clock()):
            # Who waits has what it waits for; the call may take its time on a replica that hangs.
            flight = self._flights.pop(change.account, None)
            if flight is not None:
                flight.set_result(change)

    # --- the cache ---

    def _entry(self, account: str) -> Entry:
        entry = self._entries.get(account)
        if entry is None:
            if len(self._entries) >= MAX_ACCOUNTS:
                self._forget_one()
            entry = self._entries[account] = Entry()
        return entry

    def _forget_one(self) -> None:
        idle = next((name for name in self._entries if name not in self._flights), None)
        if idle is None:
            raise BrokerUnreachable("too many accounts are being asked for at once")
        del self._entries[idle]
        self._watch.forget(idle)

    # --- calls under way, one per account ---

    def _ask_aside(self, account: str, entry: Entry) -> None:
        if account not in self._flights and not self._closed:
            _ = self._flight(account, entry)

    def _flight(self, account: str, entry: Entry) -> asyncio.Future[Outcome]:
        flight = self._flights.get(account)
        if self._closed:
            raise BrokerUnreachable("the token client is closed")
        if flight is None:
            flight = asyncio.get_running_loop().create_future()
            self._flights[account] = flight
            self._start(self._fly(account, entry, flight))
        return flight

    def _start(self, job: Coroutine[object, object, None]) -> None:
        task = self._tasks.create_task(job)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _fly(self, account: str, entry: Entry, flight: asyncio.Future[Outcome]) -> None:
        outcome: Outcome = BrokerUnreachable("the token client is closing")
        complaint = entry.complaint
        try:
            outcome = await self._ask(account, entry, complaint)
        except TokenError as error:
            outcome = error
        except Exception as error:
            # One account's surprise must not end the group, and with it every account's renewal.
            log.exception("asking for a token failed unexpectedly")
            outcome = TokenUnavailable(f"the token client failed: {type(error).__name__}")
        finally:
            entry.told(complaint)
            if self._flights.get(account) is flight:
                del self._flights[account]
                self._remember(account, entry, outcome)
                flight.set_result(outcome)

    async def _ask(self, account: str, entry: Entry, complaint: Complaint | None) -> Token:
        if complaint is not None and not await self._complain(account, complaint):
            stands = entry.token
            if stands is not None and self._clock() < stands.lifetime.dead_at:
                return stands
        return await self._calls.get(account)

    async def _complain(self, account: str, complaint: Complaint) -> bool:
        """Whether the broker has heard. Which token counts now is for the next call to say."""
        log.info("upstream has refused a token of %s: %s", account, complaint.token_id)
        try:
            await self._calls.invalidate(account, complaint.token_id, complaint.reason)
        except TokenError as error:
            log.warning("the broker does not take the complaint about %s: %s", account, error)
            return False
        return True

    def _remember(self, account: str, entry: Entry, outcome: Outcome) -> None:
        now = self._clock()
        if isinstance(outcome, Token):
            entry.answered(outcome, now)
        else:
            entry.failed(outcome, now, self._jitter())
        if self._watching and not isinstance(outcome, TokenRefused):
            self._watch.follow((account,))
