"""The link to the shared store: whether it is up, what it says, and that nobody waits for it.

An operation has a short time. When the store does not answer in it, it is down for everybody
at once, and only the loop that runs in the background tries it again (docs/decisions/0008). A
script that fails on what one key holds is that operation's trouble alone.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

from runtime.valkey.server import KEEPS_ALL, Connection, Listening, ScriptFailed, StoreDown

# Tried twice: a busy event loop may see its own timer before an answer that has long come.
OPERATION_SECONDS = 0.3
TRIES = 2
# More at a time would wait in the store's queue instead of in ours, where time does not count.
MOST_AT_ONCE = 24
TICK_SECONDS = 1.0
# Without a sign of life for this long a subscription is broken, whatever its socket says.
PING_SECONDS = 3.0
SILENCE_SECONDS = 7.0
# Between attempts to have it back; longer when it comes back only to fall again.
PROBE_SECONDS = 0.5
LONGEST_PROBE_SECONDS = 8.0
STEADY_SECONDS = 10.0

T = TypeVar("T")
Shelf = TypeVar("Shelf")
"""What a service makes of a connection: its operations, in its words."""
Connect = Callable[[], AbstractAsyncContextManager[Connection]]


class StoreEvents(Protocol):
    """What happened to the store, for metrics and logs. None of these waits or raises."""

    def store_up(self, server: str) -> None:
        """It answers; server: its kind and version."""
        ...

    def store_down(self, explanation: str) -> None:
        """It does not; this process goes on alone."""
        ...

    def store_evicts(self, policy: str) -> None:
        """It is set up to drop keys when its memory is full, and therefore not used."""
        ...


class Reader(Protocol):
    """Who wants to know. None of these waits or raises."""

    def store_rose(self) -> None:
        """The store is up; whatever was said meanwhile was missed."""
        ...

    def store_fell(self) -> None:
        """The store is down."""
        ...

    def noticed(self, notice: bytes) -> None:
        """A replica has said something."""
        ...

    def ticked(self) -> None:
        """A second has passed with the store up."""
        ...


class StoreLink(Generic[Shelf]):
    """One store, watched over by `run`.

    channel: where the replicas of one deployment tell each other what changed.
    fraction: uniform in [0, 1); spreads the attempts of many replicas to have the store back.
    Counts real time, not a clock's: what is waited for here is not ours.
    """

    def __init__(
        self,
        connect: Connect,
        shelf_of: Callable[[Connection], Shelf],
        channel: str,
        fraction: Callable[[], float],
        events: StoreEvents,
    ) -> None:
        self._connect = connect
        self._shelf_of = shelf_of
        self._channel = channel
        self._fraction = fraction
        self._events = events
        self._shelf: Shelf | None = None
        self._was_reported_down = False
        self._refused_policy = ""
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._tried = asyncio.Event()
        self._readers: list[Reader] = []

    @property
    def is_up(self) -> bool:
        """Whether operations are sent to the store at all."""
        return self._shelf is not None

    def add_reader(self, reader: Reader) -> None:
        """Tell it from now on."""
        self._readers.append(reader)

    async def tried(self) -> None:
        """Wait until the store has been tried for the first time."""
        await self._tried.wait()

    async def ask(self, operation: Callable[[Shelf], Awaitable[T]]) -> T | None:
        """The operation's result; None when the store gives none: it is down, or turns out to be,
        or what lies there is nothing the operation's script can work on."""
        explanation = ""
        for _ in range(TRIES):
            async with self._room:
                shelf = self._shelf
                if shelf is None:
                    return None
                try:
                    async with asyncio.timeout(OPERATION_SECONDS):
                        return await operation(shelf)
                except ScriptFailed:
                    # It would fail again. Everything else in the store is as good as before.
                    return None
                except Exception as error:
                    explanation = _words(error)
        self._fall(explanation)
        return None

    async def run(self) -> None:
        """Connect, listen, and start again when that ends; never ends by itself."""
        pause = PROBE_SECONDS
        while True:
            before = _now()
            try:
                async with self._connect() as connection:
                    await self._use(connection)
            except Exception as error:
                self._fall(_words(error))
            self._tried.set()
            is_steady = _now() - before > STEADY_SECONDS
            pause = PROBE_SECONDS if is_steady else min(LONGEST_PROBE_SECONDS, pause * 1.5)
            await asyncio.sleep(pause * (0.5 + 0.5 * self._fraction()))

    # --- while it is up -----------------------------------------------------------------------

    async def _use(self, connection: Connection) -> None:
        self._refuse_to_lose_keys(connection.server.eviction)
        shelf = self._shelf_of(connection)
        listening = await connection.listen(self._channel)
        try:
            # Listening comes first: what is said from now on is heard, what was said is read.
            self._rise(connection, shelf)
            await self._listen(listening, shelf)
        finally:
            await listening.close()

    def _refuse_to_lose_keys(self, policy: str) -> None:
        """Raises StoreDown for a server that drops keys: what it has lost nobody can tell from
        what never was. It is asked again, so that a setting that is corrected is noticed."""
        if policy == KEEPS_ALL:
            return
        if policy != self._refused_policy:
            self._refused_policy = policy
            self._events.store_evicts(policy)
        raise StoreDown(f"refused: its maxmemory-policy is {policy}, not {KEEPS_ALL}")

    async def _listen(self, listening: Listening, shelf: Shelf) -> None:
        """Until an operation finds the store down. Raises StoreDown."""
        heard = asked = ticked = _now()
        while self._shelf is shelf:
            notice = await listening.next(TICK_SECONDS)
            now = _now()
            if notice is not None:
                heard = now
                self._tell(notice)
            if now - ticked >= TICK_SECONDS:
                ticked = now
                self._tick()
            if now - heard > SILENCE_SECONDS:
                raise StoreDown("no sign of life")
            if now - max(heard, asked) >= PING_SECONDS:
                asked = now
                await listening.ping()

    def _rise(self, connection: Connection, shelf: Shelf) -> None:
        self._shelf = shelf
        self._was_reported_down = False
        self._refused_policy = ""
        self._tried.set()
        self._events.store_up(connection.server.words)
        for reader in self._readers:
            reader.store_rose()

    def _fall(self, explanation: str) -> None:
        was_up, self._shelf = self._shelf is not None, None
        if not self._was_reported_down:
            self._was_reported_down = True
            self._events.store_down(explanation)
        if was_up:
            for reader in self._readers:
                reader.store_fell()

    def _tell(self, notice: bytes) -> None:
        if notice:
            for reader in self._readers:
                reader.noticed(notice)

    def _tick(self) -> None:
        for reader in self._readers:
            reader.ticked()


def _now() -> float:
    return asyncio.get_running_loop().time()


def _words(error: Exception) -> str:
    """What happened. Whatever a library raises while its connections end is the store's fault."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) if isinstance(error, StoreDown) else type(error).__name__
