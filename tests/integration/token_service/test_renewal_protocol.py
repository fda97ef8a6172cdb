"""The renewal protocol as a state machine: the real scripts on a real Valkey, in any order.

Three replicas make attempts that crash, stand still past the end of their claim, and write
late; the store is emptied, or goes back to an earlier state as after a failover; replicas are
cut off from it and mint alone. Held to after every step: design §2, invariants 2 and 3, and
the rule of generations (§6).
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from runtime.valkey.server import Connection, Place, Server, _redis
from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import grant
from tests.servers.valkey_server import ValkeyServer
from token_service.adapters import valkey_shelf
from token_service.adapters.memory_store import MemoryStore
from token_service.adapters.sealing import Keyring
from token_service.adapters.shared_store import SharedStore
from token_service.adapters.store_time import StoreTime
from token_service.adapters.valkey_shelf import ValkeyShelf
from token_service.domain import freshness, leases
from token_service.domain.credentials import Choice
from token_service.domain.errors import GitHubUnavailable, TokenServiceError
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId, CopilotToken, Grant
from token_service.renewal import Limits, Obtained, Outcome, Renewal, generation_of

SEAT = Account(
    AccountId("seat"), Choice.AUTO, Site("https://api.github.com"), credential_digest=b"d"
)
REPLICAS = 3
LIFE, REFRESH_IN = 1800.0, 1500.0
# The store's time passes where the machine says so: all the rest of the scripts is as shipped.
TIME = "return time[1] * 1000000 + time[2]"
SHIFTED = f"{TIME} + tonumber(redis.call('GET', '{{test:seat}}:shift') or 0)"

FOREIGN = (
    ("SET", "{test:seat}:record", "x"),
    ("HSET", "{test:seat}:record", "generation", str(2**63 - 1)),
    ("HSET", "{test:seat}:claim", "x", "y"),
)
PAUSES = st.sampled_from([61.0, 1.0, 400.0, 1501.0, 1801.0])
MOSTLY = st.sampled_from([True, True, True, False])


class Cable:
    """Stands for StoreLink: the machine unplugs it, and nothing is heard but when it says so."""

    def __init__(self, shelf: ValkeyShelf) -> None:
        self._shelf = shelf
        self.is_up = True

    def add_reader(self, reader: Any) -> None:
        pass

    async def ask(self, operation: Callable[[ValkeyShelf], Awaitable[Any]]) -> Any:
        return await operation(self._shelf) if self.is_up else None


class NamedChance(FakeChance):
    """Identifiers of a replica's own, as real ones are."""

    def __init__(self, number: int) -> None:
        super().__init__((101 * number % 1024 + 0.5) / 1024)
        self.number = number

    def token_id(self) -> str:
        return f"{self.number}-{super().token_id()}"


class PatientStore(SharedStore):
    """A follower looks again when the machine says so."""

    news: asyncio.Event

    async def changed(self, account: Account, seconds: float) -> None:
        self.news.clear()
        await self.news.wait()


class Replica:
    """One process: its memory, its attempt, and what it gave out."""

    def __init__(self, number: int, clock: FakeClock, shelf: ValkeyShelf) -> None:
        self.cable = Cable(shelf)
        self.chance = NamedChance(number)
        time = StoreTime(clock)
        self.events = FakeServiceEvents()
        self.store = PatientStore(
            MemoryStore(time, self.chance),
            self.cable,  # type: ignore[arg-type]
            time,
            self.chance,
            self.events,
            15.0,
            True,
        )
        self.store.news = asyncio.Event()
        self.attempt: asyncio.Task[Outcome] | None = None
        self.known = 0
        self.answer: asyncio.Future[Grant | TokenServiceError] | None = None
        # The claim it exchanges under; None when it does not, or has none.
        self.claim: bytes | None = None
        self.last_given = 0

    @property
    def token(self) -> CopilotToken | None:
        return self.store.held(SEAT.id).token


class Fleet(RuleBasedStateMachine):
    """The replicas, one account, one store."""

    server: ValkeyServer

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.values = itertools.count(1)
        self.given: dict[int, str] = {}
        self.saved = b""
        self.living_before: list[CopilotToken | None] = [None] * REPLICAS
        self.numbers = itertools.count(1)
        self.server.command("FLUSHALL")
        self.run(self._connect())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def _connect(self) -> None:
        self.client = _redis(Place(self.server.url))
        connection = Connection(Place(self.server.url), self.client, Server("", False, ""))
        keyring = Keyring((b"k" * 32,))
        self.shelf = ValkeyShelf(connection, "test", keyring, self.clock)
        self.replicas = [self._new() for _ in range(REPLICAS)]

    def _new(self) -> Replica:
        return Replica(next(self.numbers), self.clock, self.shelf)

    def teardown(self) -> None:
        self.run(self._end())
        self.runner.close()

    async def _end(self) -> None:
        for replica in self.replicas:
            await self._kill(replica)
        await self.client.aclose()

    async def settle(self) -> None:
        """Until every attempt waits: for GitHub, or for another replica."""
        for replica in self.replicas:
            while replica.attempt is not None and not self._waits(replica):
                await asyncio.sleep(0.0002)
        for replica in self.replicas:
            if replica.attempt is not None and replica.attempt.done():
                self._ended(replica, replica.attempt.result())

    def _waits(self, replica: Replica) -> bool:
        assert replica.attempt is not None
        at_github = replica.answer is not None and not replica.answer.done()
        follows = bool(replica.store.news._waiters)
        return at_github or follows or replica.attempt.done()

    def _ended(self, replica: Replica, outcome: Outcome) -> None:
        replica.attempt = replica.answer = None
        if isinstance(outcome, Obtained):
            self._given_out(replica, outcome.token)

    def _given_out(self, replica: Replica, token: CopilotToken) -> None:
        """The rule of generations: never another token's, never going back."""
        known = self.given.setdefault(token.generation, token.value)
        assert known == token.value, "a generation was used for two tokens"
        assert token.generation >= replica.last_given, "a replica went back"
        replica.last_given = token.generation

    async def _obtain(self, replica: Replica) -> Grant:
        """An exchange begins; what must be true then is what makes it the only one."""
        if replica.cable.is_up:
            replica.claim = await self._judged(replica)
        replica.answer = asyncio.get_running_loop().create_future()
        try:
            answer = await replica.answer
        finally:
            replica.claim = None
        if isinstance(answer, TokenServiceError):
            raise answer
        return answer

    async def _judged(self, replica: Replica) -> bytes:
        claim: bytes | None = await self.client.get("{test:seat}:claim")
        assert claim is not None, "an exchange without a claim"
        others = [other for other in self.replicas if other is not replica]
        assert all(other.claim is None for other in others), "two exchanges at a time"
        seen = await self.shelf.load(SEAT)
        now = self.clock.monotonic()
        # What the store has lost is no reason to go back behind it (docs/decisions/0007).
        is_behind = seen.generation < generation_of(replica.store.held(SEAT.id))
        if seen.held.token is not None and not is_behind:
            age = now - seen.held.token.obtained
            assert age >= freshness.least_age(LIFE) - 0.1, "a second one in a minute"
        assert seen.held.pause(now) <= 0.1, "an exchange in a pause"
        assert (
            is_behind
            or generation_of(seen.held) <= replica.known
            or seen.held.living(now) is None
            or seen.held.rejected_at is not None
        ), "needless"
        return claim

    # --- what replicas do ---------------------------------------------------------------------

    @rule(number=st.integers(0, REPLICAS - 1))
    def somebody_asks(self, number: int) -> None:
        self.run(self._ask(self.replicas[number]))

    async def _ask(self, replica: Replica) -> None:
        held = replica.store.held(SEAT.id)
        if replica.attempt is None and leases.may_try(held, self.clock.monotonic()):
            source = _Source(lambda account: self._obtain(replica))
            renewal = Renewal(
                source, replica.store, self.clock, replica.chance, replica.events,
                FreshnessPolicy(), Limits(exchange=3600.0, claim=15.0),
            )  # fmt: skip
            loop = asyncio.get_running_loop()
            replica.known = generation_of(held)
            replica.attempt = loop.create_task(renewal.attempt(SEAT, replica.known))
        await self.settle()

    @rule(number=st.integers(0, REPLICAS - 1), good=MOSTLY)
    def github_answers(self, number: int, good: bool) -> None:
        self.run(self._answer(self.replicas[number], good))

    async def _answer(self, replica: Replica, good: bool) -> None:
        if replica.answer is not None and not replica.answer.done():
            token = grant(f"token-{next(self.values)}", LIFE, REFRESH_IN)
            replica.answer.set_result(token if good else GitHubUnavailable("down"))
            await self.settle()

    @rule(
        seconds=PAUSES,
        numbers=st.permutations(range(REPLICAS)),
        most=st.integers(1, REPLICAS),
        good=MOSTLY,
    )
    def some_renew(self, seconds: float, numbers: list[int], most: int, good: bool) -> None:
        """Time passes, some ask one after the other, and GitHub answers whom it was asked by."""
        self.time_passes(seconds, stand_still=False)
        for number in numbers[:most]:
            self.run(self._ask(self.replicas[number]))
        for number in numbers[:most]:
            self.run(self._answer(self.replicas[number], good))
        self.followers_look_again()

    @rule(seconds=PAUSES, good=MOSTLY, numbers=st.permutations(range(REPLICAS)))
    def one_stands_still(self, seconds: float, good: bool, numbers: list[int]) -> None:
        """It has asked GitHub; past the end of its claim another one asks too."""
        self.time_passes(seconds, stand_still=False)
        self.run(self._ask(self.replicas[numbers[0]]))
        self.time_passes(16.0, stand_still=True)
        self.run(self._ask(self.replicas[numbers[1]]))
        self.run(self._answer(self.replicas[numbers[2 if good else 1]], True))

    @rule(
        numbers=st.permutations(range(REPLICAS)),
        befalls=st.sampled_from(["nothing", "emptied", "failover"]),
        forgotten=st.booleans(),
    )
    def one_writes_late(self, numbers: list[int], befalls: str, forgotten: bool) -> None:
        """Another has renewed since it asked, and the store may have lost that again."""
        late, other = numbers[0], numbers[1]
        self.time_passes(1801.0, stand_still=True)
        self.the_store_is_copied()
        self.run(self._ask(self.replicas[late]))
        self.time_passes(16.0, stand_still=True)
        self.run(self._ask(self.replicas[other]))
        self.run(self._answer(self.replicas[other], True))
        if befalls == "emptied":
            self.the_store_is_emptied()
        elif befalls == "failover" and self.saved:
            self.the_store_goes_back()
        if forgotten:
            self.a_replica_crashes(other)
        self.run(self._answer(self.replicas[late], True))
        self.followers_look_again()

    @rule(numbers=st.permutations(range(REPLICAS)))
    def a_failover_loses_a_renewal(self, numbers: list[int]) -> None:
        """And the next one is made by a replica that has never heard of it."""
        self.some_renew(1801.0, numbers, most=1, good=True)
        self.the_store_is_copied()
        self.some_renew(1801.0, numbers, most=1, good=True)
        if self.saved:
            self.the_store_goes_back()
        self.a_replica_crashes(numbers[1])
        self.some_renew(61.0, [numbers[1]], most=1, good=True)

    @rule(numbers=st.permutations(range(REPLICAS)), seconds=PAUSES)
    def one_was_cut_off(self, numbers: list[int], seconds: float) -> None:
        """It has numbered a token by itself, and comes back while that lives, or later."""
        self.a_replica_is_cut_off(numbers[0])
        self.some_renew(1801.0, numbers, most=2, good=True)
        self.time_passes(seconds, stand_still=False)
        self.a_replica_is_back(numbers[0])
        self.some_renew(seconds, numbers, most=1, good=True)

    @rule(numbers=st.permutations(range(REPLICAS)))
    def an_old_token_fills_an_empty_store(self, numbers: list[int]) -> None:
        """Nobody is left who knows that there was a newer one."""
        for renewing in (numbers[:1], numbers[1:2], numbers[1:2]):
            self.some_renew(61.0, renewing, most=1, good=True)
        self.a_replica_crashes(numbers[1])
        self.a_replica_crashes(numbers[2])
        self.the_store_is_emptied()
        self.a_replica_is_back(numbers[0])
        self.some_renew(1801.0, numbers[2:], most=1, good=True)

    @rule()
    def followers_look_again(self) -> None:
        for replica in self.replicas:
            replica.store.news.set()
        self.run(self.settle())

    @rule(number=st.integers(0, REPLICAS - 1))
    def a_message_arrives(self, number: int) -> None:
        """Or an old record is looked at again: what others did is learnt late or never."""
        self.run(self.replicas[number].store.load(SEAT))

    @rule(number=st.integers(0, REPLICAS - 1))
    def upstream_refuses_the_token(self, number: int) -> None:
        replica = self.replicas[number]
        if replica.token is not None:
            self.run(replica.store.reject(SEAT, replica.token.token_id))
            self.living_before = [None] * REPLICAS

    # --- what befalls them --------------------------------------------------------------------

    @rule(number=st.integers(0, REPLICAS - 1))
    def a_replica_crashes(self, number: int) -> None:
        self.run(self._kill(self.replicas[number]))
        self.replicas[number] = self.run(self._made())
        self.living_before[number] = None

    async def _made(self) -> Replica:
        return self._new()

    async def _kill(self, replica: Replica) -> None:
        replica.cable.is_up = False
        if replica.attempt is not None:
            replica.attempt.cancel()
            with suppress(asyncio.CancelledError):
                await replica.attempt

    @rule(seconds=PAUSES, stand_still=st.booleans())
    def time_passes(self, seconds: float, stand_still: bool) -> None:
        """Past the time to live of a claim: who stood still, or has crashed, has lost it."""
        self.server.command("INCRBY", "{test:seat}:shift", str(int(seconds * 1e6)))
        self.clock._move(seconds)
        held_by_none = all(replica.claim is None for replica in self.replicas)
        if seconds > 15 and (stand_still or held_by_none):
            self.claims_end("{test:seat}:claim")

    def claims_end(self, *keys: str) -> None:
        self.server.command("DEL", *keys)
        for replica in self.replicas:
            replica.claim = None

    @rule(number=st.integers(0, REPLICAS - 1))
    def a_replica_is_cut_off(self, number: int) -> None:
        self.replicas[number].cable.is_up = False

    @rule(number=st.integers(0, REPLICAS - 1))
    def a_replica_is_back(self, number: int) -> None:
        replica = self.replicas[number]
        replica.cable.is_up = True
        self.run(replica.store.load(SEAT))

    @rule()
    def the_store_is_emptied(self) -> None:
        self.claims_end("{test:seat}:record", "{test:seat}:claim")

    @rule(words=st.sampled_from(FOREIGN))
    def somebody_else_writes(self, words: tuple[str, ...]) -> None:
        """What no replica can read; it costs what was there, and no more."""
        self.the_store_is_emptied()
        self.server.command(*words)

    @rule()
    def the_store_is_copied(self) -> None:
        self.saved = self.run(self._dump())

    async def _dump(self) -> bytes:
        content = await self.client.dump("{test:seat}:record")
        return b"" if content is None else content

    @precondition(lambda self: self.saved)
    @rule()
    def the_store_goes_back(self) -> None:
        """A failover to a copy that is behind: the history of writes is another one."""
        self.claims_end("{test:seat}:claim")
        self.run(self._restore())

    async def _restore(self) -> None:
        await self.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        await self.client.execute_command("REPLICAOF", "NO", "ONE")
        await self.client.delete("{test:seat}:record")
        await self.client.restore("{test:seat}:record", 0, self.saved)

    # --- what holds ---------------------------------------------------------------------------

    @invariant()
    def a_living_token_is_never_thrown_away(self) -> None:
        now = self.clock.monotonic()
        for number, replica in enumerate(self.replicas):
            # What is not true when an exchange begins fails the attempt, not the step.
            for bug in replica.events.bugs:
                raise bug
            before = self.living_before[number]
            held = replica.store.held(SEAT.id)
            if before is not None and now - before.obtained < before.life and not held.is_barred:
                assert held.living(now) is not None, "a living token is gone"
            if held.token is not None:
                self._given_out(replica, held.token)
            self.living_before[number] = held.living(now)

    @rule()
    def all_come_together(self) -> None:
        """Connected and with nothing under way, all end up with the newest token that lives."""
        self.run(self._together())

    async def _together(self) -> None:
        for replica in self.replicas:
            replica.cable.is_up = True
        for replica in [*self.replicas, *self.replicas]:
            await replica.store.load(SEAT)
        now = self.clock.monotonic()
        living = [held for r in self.replicas if (held := r.store.held(SEAT.id)).living(now)]
        offered = [held for held in living if held.rejected_at is None]
        if offered:
            newest = max(generation_of(held) for held in offered)
            assert all(generation_of(r.store.held(SEAT.id)) >= newest for r in self.replicas)


class _Source:
    def __init__(self, obtain: Callable[[Account], Awaitable[Grant]]) -> None:
        self._obtain = obtain

    async def obtain(self, account: Account) -> Grant:
        return await self._obtain(account)


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as made:
        yield made


@pytest.fixture
def fleet(server: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> type[Fleet]:
    shifted = {name: text.replace(TIME, SHIFTED) for name, text in valkey_shelf.SCRIPTS.items()}
    assert all(SHIFTED in text for text in shifted.values())
    monkeypatch.setattr(valkey_shelf, "SCRIPTS", shifted)
    Fleet.server = server
    return Fleet


def test_a_number_is_made_when_it_is_written(fleet: type[Fleet]) -> None:
    """Two write late to a store that was emptied; one's number is lost, and is not gone below."""
    state = fleet()
    try:
        state.one_writes_late([2, 0, 1], befalls="emptied", forgotten=False)
        lost, late = state.replicas[0].token, state.replicas[2].token
        assert lost is not None
        assert late is not None
        assert late.generation > lost.generation
        state.one_writes_late([0, 1, 2], befalls="nothing", forgotten=False)
        state.a_living_token_is_never_thrown_away()
    finally:
        state.teardown()


def test_the_protocol_keeps_its_promises(fleet: type[Fleet], pytestconfig: pytest.Config) -> None:
    """The same sequences every time; at full size many more, and other ones each time."""
    full = bool(pytestconfig.getoption("--full-size"))
    run_state_machine_as_test(
        fleet,
        settings=settings(
            max_examples=1000 if full else 50,
            derandomize=not full,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A failing sequence is told as it was found: making it shorter takes minutes.
            phases=(Phase.generate,),
        ),
    )
