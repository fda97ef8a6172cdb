"""Replicas on one real Valkey: who exchanges, whose write counts, what each learns of others."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.clock import SystemClock
from runtime.valkey.server import Place, connected
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import FakeTokenSource, grant
from tests.servers.certificates import Authority
from tests.servers.scripted_github import scripted_github
from tests.servers.tls_front import TlsFront, fronting_tls
from tests.servers.token_service import configured, running
from tests.servers.valkey_server import ValkeyServer
from token_service.adapters.chance import SystemChance
from token_service.adapters.shared_store import SharedStore, StoreOptions, shared_store
from token_service.adapters.valkey_shelf import SCRIPTS
from token_service.domain.credentials import Choice, Strategy
from token_service.domain.errors import CredentialRejected, GitHubUnavailable
from token_service.domain.failures import after
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.hosts import Site
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import Account, AccountId, CopilotToken
from token_service.renewal import Limits, Obtained, Renewal, generation_of

pytestmark = pytest.mark.anyio

SEAT = Account(
    AccountId("seat"), Choice.AUTO, Site("https://api.github.com"), credential_digest=b"d"
)
NEIGHBOUR = replace(SEAT, id=AccountId("neighbour"))
RECORD, CLAIM = "{test:seat}:record", "{test:seat}:claim"
KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CLAIM_SECONDS = 15.0


class Replica:
    """One process's store, source and attempts."""

    def __init__(
        self,
        store: SharedStore,
        clock: SystemClock,
        events: FakeServiceEvents,
        claim_seconds: float,
    ) -> None:
        self.store = store
        self.clock = clock
        self.events = events
        self.source = FakeTokenSource()
        self.renewal = Renewal(
            self.source,
            store,
            clock,
            SystemChance(),
            events,
            FreshnessPolicy(),
            Limits(exchange=5.0, claim=claim_seconds),
        )

    async def attempt(self, account: Account = SEAT) -> object:
        known = generation_of(self.store.held(account.id))
        return await self.renewal.attempt(account, known)

    async def token(self, account: Account = SEAT) -> CopilotToken:
        outcome = await self.attempt(account)
        assert isinstance(outcome, Obtained), outcome
        return outcome.token

    @property
    def held(self) -> CopilotToken | None:
        return self.store.held(SEAT.id).token


class Fleet:
    """Replicas on one server; each ends with the block."""

    def __init__(self, server: ValkeyServer, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    async def join(
        self,
        keys: tuple[bytes, ...] = (KEY,),
        namespace: str = "test",
        claim_seconds: float = CLAIM_SECONDS,
    ) -> Replica:
        clock, events = SystemClock(), FakeServiceEvents()
        options = StoreOptions(Place(self.server.url), namespace, keys, claim_seconds)
        store = shared_store(options, clock, SystemChance(), events)
        await self._stack.enter_async_context(store.running())
        return Replica(store, clock, events, claim_seconds)

    def claim_ends(self, namespace: str = "test") -> None:
        """As when its time to live is over."""
        self.server.command("DEL", f"{{{namespace}:seat}}:claim")

    def empty(self) -> None:
        self.server.command("FLUSHALL")


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as made:
        yield made


@asynccontextmanager
async def fleet(server: ValkeyServer) -> AsyncIterator[Fleet]:
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        yield Fleet(server, stack)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process is to learn by a message; bounded, and soon."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_one_exchanges_and_the_others_follow(server: ValkeyServer) -> None:
    async with fleet(server) as f, asyncio.TaskGroup() as tasks:
        replicas = [await f.join() for _ in range(3)]
        for replica in replicas:
            replica.source.hold()
        asked = [tasks.create_task(replica.token()) for replica in replicas]
        await until(lambda: sum(replica.source.calls for replica in replicas) == 1)
        for replica in replicas:
            replica.source.release()
        tokens = [await each for each in asked]

        assert sum(replica.source.calls for replica in replicas) == 1
        assert {token.value for token in tokens} == {"token-1"}
        assert {token.generation for token in tokens} == {tokens[0].generation}


async def test_the_next_token_has_the_next_number(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        one.source.script.extend([grant("a", life=0.02), grant("b", life=0.02)])
        first = await one.token()
        await asyncio.sleep(0.03)
        second = await one.token()

        assert second.generation == first.generation + 1


async def test_whoever_mirrors_an_account_hears_of_its_new_token(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        other.store.look_soon(SEAT)
        token = await one.token()
        await until(lambda: other.held is not None)

        assert other.held is not None
        assert other.held.token_id == token.token_id
        assert abs(other.held.obtained - token.obtained) < 0.5


@asynccontextmanager
async def deaf_to_time(server: ValkeyServer) -> AsyncIterator[tuple[Fleet, Replica, Replica]]:
    """Two replicas that follow the account, and learn nothing but by a message."""
    async with fleet(server) as f:
        replicas = await f.join(), await f.join()
        for replica in replicas:
            replica.store._step._mirror.ticked = lambda: None  # type: ignore[method-assign]
            await replica.store.load(SEAT)
        yield f, *replicas


async def within_a_second(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(1):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_new_token_is_news_at_once(server: ValkeyServer) -> None:
    async with deaf_to_time(server) as (_, one, other):
        token = await one.token()
        await within_a_second(lambda: other.held is not None)

        assert other.held is not None
        assert other.held.token_id == token.token_id


async def test_a_failure_is_news_at_once(server: ValkeyServer) -> None:
    async with deaf_to_time(server) as (_, one, other):
        one.source.script.append(CredentialRejected("revoked"))
        await one.attempt()

        await within_a_second(lambda: other.store.held(SEAT.id).failure is not None)


async def test_a_complaint_is_news_at_once(server: ValkeyServer) -> None:
    async with deaf_to_time(server) as (_, one, other):
        token = await one.token()
        await within_a_second(lambda: other.held is not None)
        await one.store.reject(SEAT, token.token_id)

        await within_a_second(lambda: other.store.held(SEAT.id).rejected_at is not None)


async def test_what_is_offered_is_news_at_once(server: ValkeyServer) -> None:
    """As after an outage, by whoever is back first."""
    async with deaf_to_time(server) as (f, one, other):
        token = await one.token()
        await within_a_second(lambda: other.held is not None)
        other.store.drop(SEAT.id)
        other.store._step._mirror.follow(SEAT)
        f.empty()
        await one.store.load(SEAT)

        await within_a_second(lambda: other.held is not None)
        assert other.held is not None
        assert other.held.token_id == token.token_id


async def test_what_is_forgotten_is_news_at_once(server: ValkeyServer) -> None:
    """Who still has the account gives its token to the others again."""
    async with deaf_to_time(server) as (f, one, other):
        await one.token()
        await within_a_second(lambda: other.held is not None)
        await one.store.forget(SEAT)

        await within_a_second(lambda: f.server.command("EXISTS", RECORD) == b":1\r\n")


async def test_a_claim_given_up_is_news_at_once(server: ValkeyServer) -> None:
    """Who follows need not wait until it would look again."""
    async with deaf_to_time(server) as (_, one, other), asyncio.TaskGroup() as tasks:
        claim = await one.store.claim(SEAT)
        heard = tasks.create_task(other.store.changed(SEAT, 5.0))
        await until(lambda: other.store._step._mirror.waiting > 0)
        await one.store.release(claim)

        await within_a_second(heard.done)


async def test_an_exchange_longer_than_a_claim_is_still_the_only_one(
    server: ValkeyServer,
) -> None:
    async with fleet(server) as f, asyncio.TaskGroup() as tasks:
        one, other = [await f.join(claim_seconds=0.3) for _ in range(2)]
        one.source.hold()
        first = tasks.create_task(one.token())
        await until(lambda: one.source.calls == 1)
        second = tasks.create_task(other.token())
        await asyncio.sleep(0.9)
        one.source.release()

        assert (await first).token_id == (await second).token_id
        assert other.source.calls == 0


async def test_who_dies_at_work_is_succeeded(server: ValkeyServer) -> None:
    async with fleet(server) as f, asyncio.TaskGroup() as tasks:
        dead, other = await f.join(), await f.join()
        assert (await dead.store.claim(SEAT)).granted
        asked = tasks.create_task(other.token())
        await until(lambda: other.store._step._mirror.waiting > 0)
        assert other.source.calls == 0
        f.claim_ends()

        assert (await asked).value == "token-1"
        assert other.events.takeovers == [SEAT.id]


async def test_a_late_write_loses_to_a_newer_token(server: ValkeyServer) -> None:
    """SIGSTOP past the end of the claim, then SIGCONT (issue 3)."""
    async with fleet(server) as f:
        late, other = await f.join(), await f.join()
        claim = await late.store.claim(SEAT)
        f.claim_ends()
        token = await other.token()
        kept = await late.store.keep(claim, grant("late"), late.clock.monotonic(), 1500.0)

        assert kept is not None
        assert (kept.value, kept.generation) == (token.value, token.generation)
        assert (await other.store.load(SEAT)).token == token


async def test_a_late_write_loses_to_one_who_is_at_work(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        late, other = await f.join(), await f.join()
        claim = await late.store.claim(SEAT)
        f.claim_ends()
        theirs = await other.store.claim(SEAT)
        assert await late.store.keep(claim, grant("late"), late.clock.monotonic(), 1.0) is None
        await late.store.release(claim)
        await late.store.fail(claim, after(None, GitHubUnavailable("x"), 0.0, 0.0))

        assert not (await late.store.claim(SEAT)).granted
        assert (await other.store.load(SEAT)).failure is None
        token = await other.store.keep(theirs, grant("t"), other.clock.monotonic(), 1.0)
        assert token is not None


async def test_a_claim_is_taken_by_one(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        claim = await one.store.claim(SEAT)

        assert (claim.granted, (await other.store.claim(SEAT)).granted) == (True, False)
        await one.store.release(claim)
        assert (await other.store.claim(SEAT)).granted


async def test_a_claim_ends_unless_it_is_prolonged(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        claim = await one.store.claim(SEAT)
        f.server.command("PEXPIRE", "{test:seat}:claim", "1000")
        await one.store.extend(claim)
        left = int(f.server.command("PTTL", "{test:seat}:claim")[1:].strip())
        f.claim_ends()
        await one.store.extend(claim)

        assert 14_000 < left <= 15_000
        assert f.server.command("EXISTS", "{test:seat}:claim") == b":0\r\n"


async def test_a_failure_is_everybodys(server: ValkeyServer) -> None:
    """One attempt per step of the back-off, over all replicas."""
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        one.source.script.append(CredentialRejected("revoked", metadata={"a": "b"}))
        first = await one.attempt()
        second = await other.attempt()

        assert isinstance(first, CredentialRejected)
        assert isinstance(second, CredentialRejected)
        assert (second.message, second.metadata) == ("revoked", {"a": "b"})
        assert other.source.calls == 0


async def test_pauses_grow_whoever_fails(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        for replica in (one, other):
            replica.source.script.append(GitHubUnavailable("down"))
            await replica.attempt()
            failure = replica.store.held(SEAT.id).failure
            assert failure is not None
            await asyncio.sleep(failure.remaining(replica.clock.monotonic()) + 0.01)

        assert [failure.attempts for r in (one, other) for failure in r.events.failures] == [1, 2]


async def test_a_complaint_is_everybodys(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        token = await one.token()
        await other.store.load(SEAT)
        await one.store.reject(SEAT, token.token_id)
        await until(lambda: other.store.held(SEAT.id).rejected_at is not None)
        held = await other.store.reject(SEAT, token.token_id)

        assert held.strikes == 1
        assert held.token is not None


async def test_a_late_complaint_says_which_token_is_current(server: ValkeyServer) -> None:
    """Invalidating one token never kills another, even one this replica has not heard of."""
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        old = await one.token()
        claim = await other.store.claim(SEAT)
        new = await other.store.keep(claim, grant("new"), other.clock.monotonic(), 1500.0)
        assert new is not None
        held = await one.store.reject(SEAT, old.token_id)

        assert held.token is not None
        assert (held.token.token_id, held.rejected_at) == (new.token_id, None)


async def test_a_store_that_came_back_empty_is_filled_again(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        token = await one.token()
        f.empty()
        await one.store.load(SEAT)

        assert (await other.token()).token_id == token.token_id
        assert other.source.calls == 0


async def test_after_that_numbers_are_above_all_that_were_given(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        one.source.script.append(grant("a", life=0.02))
        first = await one.token()
        f.empty()
        await asyncio.sleep(0.03)
        newcomer = await f.join()

        assert (await newcomer.token()).generation > first.generation + 1


async def test_an_offer_never_replaces_a_newer_token(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        token = await one.token()
        seen = await one.store._step._link.ask(lambda shelf: shelf.load(SEAT))
        assert seen is not None
        old = replace(token, generation=token.generation - 1, token_id="old")
        lost = await one.store._step._link.ask(lambda shelf: shelf.offer(SEAT, seen, old))

        assert lost is not None
        assert lost.verdict == "lost"
        assert (await one.store.load(SEAT)).token == token


async def test_a_record_is_of_no_use_to_another_account_or_deployment(
    server: ValkeyServer,
) -> None:
    async with fleet(server) as f:
        one = await f.join()
        await one.token()
        copy = "COPY {test:seat}:record {test:other}:record"
        f.server.command(*copy.split())
        f.server.command("COPY", "{test:seat}:record", "{else:seat}:record")
        stranger = await f.join(namespace="else")
        other = replace(SEAT, id=AccountId("other"))

        assert (await one.store.load(other)).token is None
        assert (await stranger.store.load(SEAT)).token is None
        assert one.events.refused == [(AccountId("other"), RecordRefusal.FORGED)]
        assert stranger.events.refused == [(SEAT.id, RecordRefusal.FORGED)]


async def test_a_record_of_another_account_is_forged_whatever_its_credential(
    server: ValkeyServer,
) -> None:
    """A copy is no change of credentials, which only calls for patience."""
    async with fleet(server) as f:
        one = await f.join()
        await one.token()
        f.server.command("COPY", RECORD, "{test:other}:record")
        other = replace(SEAT, id=AccountId("other"), credential_digest=b"another")

        assert (await one.store.load(other)).token is None
        assert one.events.refused == [(other.id, RecordRefusal.FORGED)]


async def test_a_replaced_credential_gets_a_token_of_its_own(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, other = await f.join(), await f.join()
        old = await one.token()
        new = replace(SEAT, credential_digest=b"another")
        token = await other.token(new)

        assert (other.source.calls, token.generation) == (1, old.generation + 1)
        assert other.events.refused[0] == (SEAT.id, RecordRefusal.OTHER_CREDENTIAL)
        assert (await one.store.load(SEAT)).token == old


async def test_keys_are_rotated_without_an_exchange(server: ValkeyServer) -> None:
    """Append, promote, remove; replicas of two neighbouring steps at a time."""
    async with fleet(server) as f:
        both: tuple[bytes, ...] = (KEY, OTHER_KEY)
        promoted: tuple[bytes, ...] = (OTHER_KEY, KEY)
        first = await (await f.join((KEY,))).token()
        for keys in (both, promoted):
            replica = await f.join(keys)
            assert (await replica.token()).token_id == first.token_id
            assert replica.source.calls == 0
        writer = await f.join(promoted)
        claim = await writer.store.claim(SEAT)
        again = await writer.store.keep(claim, grant("b"), writer.clock.monotonic(), 1500.0)
        assert again is not None
        for keys in (both, promoted, (OTHER_KEY,)):
            assert (await (await f.join(keys)).token()).token_id == again.token_id


async def test_a_record_of_an_unknown_key_is_left_until_the_next_renewal(
    server: ValkeyServer,
) -> None:
    async with fleet(server) as f:
        one, stranger = await f.join((KEY,)), await f.join((OTHER_KEY,))
        token = await one.token()

        assert (await stranger.store.load(SEAT)).token is None
        assert (await one.store.load(SEAT)).token == token
        assert (await stranger.token()).generation == token.generation + 1
        assert one.held == token


async def test_a_stored_record_shows_no_token(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        one.source.script.append(grant("the-secret-token"))
        await one.token()
        dump = f.server.command("DUMP", "{test:seat}:record")

        assert len(dump) > 200
        assert b"secret" not in dump


@pytest.mark.parametrize("choice", [Choice.DIRECT, Choice.STATIC])
async def test_what_nobody_is_asked_for_stays_in_the_process(
    server: ValkeyServer, choice: Choice
) -> None:
    """Under direct the token is the credential (design §2, invariant 1)."""
    async with fleet(server) as f:
        one = await f.join()
        own = replace(SEAT, choice=choice)
        await one.token(own)
        held = one.store.held(SEAT.id).token
        assert held is not None
        await one.store.reject(own, held.token_id)

        assert one.store.held(SEAT.id).strikes == 1
        assert f.server.command("DBSIZE") == b":0\r\n"


async def test_a_credential_of_githubs_is_not_stored_in_clear(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join(keys=())
        token = replace(grant("ghs_x"), strategy=Strategy.GITHUB_APP)
        one.source.script.append(token)
        await one.token()

        assert f.server.command("DBSIZE") == b":0\r\n"


async def test_a_forgotten_account_leaves_nothing(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one = await f.join()
        await one.token()
        await one.store.forget(SEAT)

        assert f.server.command("DBSIZE") == b":0\r\n"
        assert one.held is None


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_drops_keys_is_refused(server: ValkeyServer, policy: str) -> None:
    async with fleet(server) as f:
        f.server.command("CONFIG", "SET", "maxmemory-policy", policy)
        try:
            one = await f.join()
        finally:
            f.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")

        assert one.events.store == [f"evicts: {policy}", "down"]


async def test_a_password_is_presented() -> None:
    with ValkeyServer(password="pass-word") as guarded:
        async with connected(Place(guarded.url, password="pass-word")) as connection:
            assert not connection.server.is_cluster


FOREIGN = {
    "a record that is a text": ("SET", RECORD, "x"),
    "a record that is a list": ("RPUSH", RECORD, "x"),
    "a claim that is a hash": ("HSET", CLAIM, "x", "y"),
    "a generation near 2^63": ("HSET", RECORD, "generation", str(2**63 - 2)),
    "a generation of 2^53": ("HSET", RECORD, "generation", str(2**53)),
    "a generation beyond numbers": ("HSET", RECORD, "generation", "9e999"),
    "a generation that is none": ("HSET", RECORD, "generation", "-1"),
}


class TestForeign:
    """Somebody else writes to the store: it costs the account an alert, and nobody the store."""

    @pytest.mark.parametrize("words", FOREIGN.values(), ids=FOREIGN)
    async def test_it_is_alerted_and_written_over(
        self, server: ValkeyServer, words: tuple[str, ...]
    ) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            f.server.command("DEL", words[1])
            f.server.command(*words)
            token = await one.token()
            neighbour = await one.token(NEIGHBOUR)

            assert (await other.token()).token_id == token.token_id
            assert (await other.token(NEIGHBOUR)).token_id == neighbour.token_id
            assert (one.source.calls, other.source.calls) == (2, 0)
            assert token.generation < 2**53
            assert one.events.refused == [(SEAT.id, RecordRefusal.FORGED)]
            assert one.events.store == other.events.store == ["up"]

    @pytest.mark.parametrize("words", FOREIGN.values(), ids=FOREIGN)
    async def test_a_living_token_takes_its_place(
        self, server: ValkeyServer, words: tuple[str, ...]
    ) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            token = await one.token()
            f.server.command("DEL", words[1])
            f.server.command(*words)
            await one.store.load(SEAT)

            assert (await other.token()).token_id == token.token_id
            assert other.source.calls == 0
            assert one.events.refused == [(SEAT.id, RecordRefusal.FORGED)]
            assert one.events.store == ["up"]

    async def test_a_claim_it_becomes_during_the_exchange_is_alerted(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            claim = await one.store.claim(SEAT)
            f.server.command("DEL", CLAIM)
            f.server.command("HSET", CLAIM, "x", "y")

            assert await one.store.keep(claim, grant(), one.clock.monotonic(), 1500.0) is not None
            assert one.events.refused == [(SEAT.id, RecordRefusal.FORGED)]

    async def test_a_claim_without_an_end_is_given_one(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            f.server.command("SET", CLAIM, "nobody")

            assert not (await one.store.claim(SEAT)).granted
            assert 0 < int(f.server.command("PTTL", CLAIM)[1:].strip()) <= CLAIM_SECONDS * 1000

    @pytest.mark.parametrize("field", ["failed_until", "rejected_at", "strikes"])
    async def test_a_number_beyond_all_numbers_is_none(
        self, server: ValkeyServer, field: str
    ) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            token = await one.token()
            f.server.command("HSET", RECORD, field, "9" * 400, "failure", "x")

            assert (await other.token()).token_id == token.token_id
            assert other.events.store == ["up"]

    async def test_a_script_that_fails_costs_its_account_the_store_alone(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever else may lie there: the account goes on alone, and somebody is told."""
        broken = SCRIPTS["claim"] + "error('broken')"
        monkeypatch.setitem(SCRIPTS, "claim", broken.replace("return view('granted')", ""))
        async with fleet(server) as f:
            one = await f.join()

            assert (await one.token()).value == "token-1"
            assert one.events.refused == [(SEAT.id, RecordRefusal.FORGED)]
            assert one.events.store == ["up"]


async def test_the_store_is_reached_through_tls(tmp_path: Path) -> None:
    """As configured: an authority of the operator's, and a password."""
    authority = Authority()
    files = {"ca": authority.ca, "password": b"pass-word\n", "key": base64.b64encode(KEY) + b"\n"}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with ValkeyServer(password="pass-word") as guarded:
        front = TlsFront(guarded.port)
        pair = authority.issue("store")
        async with (
            fronting_tls(front, pair, "127.0.0.1", tmp_path / "front"),
            scripted_github() as github,
        ):
            store = {
                "url": front.url.replace("https", "valkeys"),
                "ca_file": str(tmp_path / "ca"),
                "password_file": str(tmp_path / "password"),
                "encryption_key_file": str(tmp_path / "key"),
            }
            services = [configured(tmp_path, github.url, {"store": store}) for _ in range(2)]
            async with running(services[0]) as one, running(services[1]) as other:
                first, second = await one.get(), await other.get()

                assert front.connections > 2
                assert first.token_id == second.token_id
                assert github.exchange_count == 1


class TestOutage:
    """The store goes away and comes back (docs/decisions/0008)."""

    async def test_a_store_that_hangs_is_waited_for_once_and_briefly(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                own.pause()
                began = asyncio.get_running_loop().time()
                first = await one.token()
                took = asyncio.get_running_loop().time() - began
                assert one.store.is_alone
                assert took < 5.0
                await one.store.load(SEAT)
                own.resume()
                await until(lambda: not one.store.is_alone)
                assert one.held is not None
                assert one.held.token_id == first.token_id
                assert one.events.store == ["up", "down", "up"]

    async def test_replicas_that_were_alone_end_up_with_the_newest_token(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                replicas = [await f.join() for _ in range(3)]
                own.kill()
                await until(lambda: all(r.store.is_alone for r in replicas))
                tokens = [await replica.token() for replica in replicas]
                assert [replica.source.calls for replica in replicas] == [1, 1, 1]
                newest = max(tokens, key=lambda token: token.generation)
                own.start()
                await until(lambda: all(r.held == r.held and r.held is not None
                                        and r.held.generation == newest.generation
                                        for r in replicas))  # fmt: skip
                assert {r.held.value for r in replicas if r.held} == {newest.value}
                newcomer = await f.join()
                assert (await newcomer.token()).value == newest.value

    async def test_who_follows_when_the_store_goes_away_goes_on_alone(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f, asyncio.TaskGroup() as tasks:
                one, other = await f.join(), await f.join()
                assert (await one.store.claim(SEAT)).granted
                asked = tasks.create_task(other.token())
                await until(lambda: other.store._step._mirror.waiting > 0)
                own.kill()

                assert (await asked).value == "token-1"

    async def test_a_process_that_starts_without_it_is_alone_and_finds_it(self) -> None:
        own = ValkeyServer()
        async with fleet_without(own) as f:
            one = await f.join()
            assert one.store.is_alone
            assert one.events.store == ["down"]
            assert (await one.token()).value == "token-1"
            with own:
                await until(lambda: not one.store.is_alone)


@asynccontextmanager
async def fleet_without(server: ValkeyServer) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(server, stack)
