"""The contract of the TokenStore port: for what runs alone, what is shared, and the fake."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from runtime.clock import SystemClock
from runtime.valkey.server import Place
from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import grant
from tests.fakes.token_store import FakeTokenStore
from tests.servers.valkey_server import ValkeyServer
from token_service.adapters.memory_store import MemoryStore
from token_service.adapters.shared_store import StoreOptions, shared_store
from token_service.domain import failures
from token_service.domain.credentials import Choice
from token_service.domain.errors import GitHubUnavailable
from token_service.domain.failures import Failure
from token_service.domain.holding import Held
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId, CopilotToken
from token_service.ports.clock import Clock
from token_service.ports.tokens import TokenStore

pytestmark = pytest.mark.anyio

KEY = b"k" * 32


def account(name: str) -> Account:
    site = Site("https://api.github.com")
    return Account(
        AccountId(name), Choice.AUTO, site, credential_digest=b"digest of " + name[:1].encode()
    )


ONE, OTHER = account("one"), account("other")


class Keeping:
    """A store under test, and the clock it counts by."""

    def __init__(self, store: TokenStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    async def keep(
        self, value: str = "value", age: float = 0.0, due: float = 1500.0
    ) -> CopilotToken:
        """A token of account one, obtained `age` seconds ago."""
        claim = await self.store.claim(ONE)
        assert claim.granted
        token = await self.store.keep(claim, grant(value), self.clock.monotonic() - age, due)
        assert token is not None
        return token

    async def fail(self, which: Account, failure: Failure) -> None:
        await self.store.fail(await self.store.claim(which), failure)

    def failure(self) -> Failure:
        return failures.after(
            None, GitHubUnavailable("down", retry_after=60), self.clock.monotonic(), 1.0
        )


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, ValkeyServer]]:
    with ExitStack() as stack:
        yield {
            "valkey": stack.enter_context(ValkeyServer()),
            "cluster": stack.enter_context(ValkeyServer(cluster=True)),
        }


@pytest.fixture(params=["memory", "fake", "valkey", "cluster"])
async def kept(
    request: pytest.FixtureRequest, servers: dict[str, ValkeyServer]
) -> AsyncIterator[Keeping]:
    fake, clock = FakeClock(), SystemClock()
    if request.param == "memory":
        yield Keeping(MemoryStore(fake, FakeChance(0.5)), fake)
    elif request.param == "fake":
        yield Keeping(FakeTokenStore(fake.monotonic), fake)
    else:
        server = servers[request.param]
        server.command("FLUSHALL")
        options = StoreOptions(Place(server.url), "test", (KEY,), claim_seconds=15.0)
        shared = shared_store(options, clock, FakeChance(0.5), FakeServiceEvents())
        async with shared.running():
            assert not shared.is_alone
            yield Keeping(shared, clock)


async def test_nothing_is_known_at_first(kept: Keeping) -> None:
    assert kept.store.held(ONE.id) == Held()
    assert await kept.store.load(ONE) == Held()
    assert not kept.store.is_alone


async def test_a_kept_token_is_held_and_loaded(kept: Keeping) -> None:
    token = await kept.keep("value", age=3.0)

    assert kept.store.held(ONE.id) == await kept.store.load(ONE) == Held(token)
    assert (token.account, token.value) == (ONE.id, "value")
    assert token.obtained == pytest.approx(kept.clock.monotonic() - 3.0, abs=2.5)
    assert (token.life, token.refresh_after) == (1800.0, 1500.0)


async def test_generations_and_identifiers_are_new_each_time(kept: Keeping) -> None:
    tokens = [await kept.keep() for _ in range(5)]
    numbers = [token.generation for token in tokens]

    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0
    assert len({token.token_id for token in tokens}) == 5


async def test_accounts_are_kept_apart(kept: Keeping) -> None:
    token, failure = await kept.keep(), kept.failure()
    await kept.fail(OTHER, failure)

    assert kept.store.held(ONE.id) == Held(token)
    assert kept.store.held(OTHER.id) == Held(None, failure)


async def test_a_failure_leaves_the_token(kept: Keeping) -> None:
    """A token that still works is never thrown away (design §2, invariant 3)."""
    token = await kept.keep()
    await kept.fail(ONE, kept.failure())
    held = await kept.store.load(ONE)

    assert held.token == token
    assert held.failure is not None
    assert (held.failure.attempts, held.failure.error.message) == (1, "down")
    assert 30 < held.failure.remaining(kept.clock.monotonic()) <= 60


async def test_a_new_token_ends_the_failure(kept: Keeping) -> None:
    await kept.fail(ONE, kept.failure())
    token = await kept.keep()

    assert kept.store.held(ONE.id) == Held(token)


async def test_a_released_claim_is_free_again(kept: Keeping) -> None:
    claim = await kept.store.claim(ONE)
    await kept.store.extend(claim)
    await kept.store.release(claim)

    assert (await kept.store.claim(ONE)).granted


async def test_the_newest_token_can_be_complained_about_once(kept: Keeping) -> None:
    token = await kept.keep()
    first = await kept.store.reject(ONE, token.token_id)
    second = await kept.store.reject(ONE, token.token_id)

    assert first.token == second.token == token
    assert (first.strikes, second.strikes) == (1, 1)
    assert first.rejected_at == pytest.approx(kept.clock.monotonic(), abs=2.5)
    assert kept.store.held(ONE.id) == second


async def test_a_complaint_about_another_token_has_no_effect(kept: Keeping) -> None:
    """Invalidating one token never kills another."""
    old = await kept.keep()
    new = await kept.keep()

    assert await kept.store.reject(ONE, old.token_id) == Held(new)
    assert await kept.store.reject(ONE, "never-was") == Held(new)


async def test_tokens_refused_one_after_the_other_are_counted(kept: Keeping) -> None:
    for strikes in (1, 2, 3):
        held = await kept.store.reject(ONE, (await kept.keep()).token_id)
        assert held.strikes == strikes
    assert (await kept.keep()).token_id
    assert kept.store.held(ONE.id).strikes == 3
    assert kept.store.held(ONE.id).rejected_at is None


async def test_a_token_that_reached_its_renewal_ends_the_count(kept: Keeping) -> None:
    await kept.store.reject(ONE, (await kept.keep()).token_id)
    await kept.keep(age=1501.0)
    await kept.keep()

    assert kept.store.held(ONE.id).strikes == 0


async def test_a_late_complaint_starts_the_count_anew(kept: Keeping) -> None:
    await kept.store.reject(ONE, (await kept.keep()).token_id)
    late = await kept.keep(age=1501.0)

    assert (await kept.store.reject(ONE, late.token_id)).strikes == 1


async def test_who_listens_hears_of_every_change_once(kept: Keeping) -> None:
    heard: list[AccountId] = []
    kept.store.on_change(heard.append)
    token = await kept.keep()
    await kept.store.load(ONE)
    await kept.store.reject(ONE, token.token_id)
    await kept.fail(ONE, kept.failure())
    await kept.store.forget(ONE)

    assert set(heard) == {ONE.id}
    assert kept.store.held(ONE.id) == await kept.store.load(ONE) == Held()


async def test_another_credential_is_not_blamed_for_the_old_ones_faults(kept: Keeping) -> None:
    token = await kept.keep()
    await kept.store.reject(ONE, token.token_id)
    await kept.fail(ONE, kept.failure())
    kept.store.pardon(ONE.id)

    assert kept.store.held(ONE.id) == Held(token)
