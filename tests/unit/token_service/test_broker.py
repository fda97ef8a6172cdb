"""The broker: one exchange for all who wait, a token for all while one lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock, settle
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import FakeTokenSource, grant
from tests.fakes.token_store import FakeTokenStore, token_of
from token_service.broker import Broker
from token_service.domain.credentials import Choice
from token_service.domain.errors import (
    AccountNotFound,
    ArgumentInvalid,
    CredentialRejected,
    Draining,
    GitHubUnavailable,
    InternalError,
    Overloaded,
    TokenRejectedUpstream,
)
from token_service.domain.freshness import Freshness, FreshnessPolicy
from token_service.domain.holding import Held
from token_service.domain.hosts import Site
from token_service.domain.leases import AccountState, AccountView, Lease, Removed
from token_service.domain.tokens import Account, AccountId
from token_service.renewal import Limits, Outcome, Renewal
from token_service.singleflight import SingleFlight

pytestmark = pytest.mark.anyio

SEAT = AccountId("seat-1")
ACCOUNTS = tuple(
    Account(AccountId(name), Choice.AUTO, Site("https://api.github.com"))
    for name in ("seat-1", "seat-2")
)


@dataclass
class Desk:
    """A broker and all that is around it."""

    tasks: asyncio.TaskGroup
    clock: FakeClock = field(default_factory=FakeClock)
    source: FakeTokenSource = field(default_factory=FakeTokenSource)
    events: FakeServiceEvents = field(default_factory=FakeServiceEvents)
    attempt_seconds: float = 10.0
    most_waiting: int = 1000

    def __post_init__(self) -> None:
        self.store = FakeTokenStore(self.clock.monotonic)
        self.flights: SingleFlight[AccountId, Outcome] = SingleFlight(self.tasks)
        self.broker = Broker(
            ACCOUNTS,
            Renewal(
                self.source,
                self.store,
                self.clock,
                FakeChance(),
                self.events,
                FreshnessPolicy(),
                Limits(exchange=self.attempt_seconds),
            ),
            self.store,
            self.flights,
            self.clock,
            FakeChance(),
            self.events,
            FreshnessPolicy(),
            self.most_waiting,
        )

    def ask(self, account: str = "seat-1", min_ttl: float = 0.0) -> asyncio.Task[Lease]:
        """A caller of its own."""
        return self.tasks.create_task(self.attempt(account, min_ttl))

    async def attempt(self, account: str = "seat-1", min_ttl: float = 0.0) -> Lease:
        return await self.broker.get(account, min_ttl)


@asynccontextmanager
async def desk(attempt_seconds: float = 10.0, most_waiting: int = 1000) -> AsyncIterator[Desk]:
    async with asyncio.TaskGroup() as tasks:
        yield Desk(tasks, attempt_seconds=attempt_seconds, most_waiting=most_waiting)


async def test_a_cold_account_costs_one_exchange_and_a_warm_one_none() -> None:
    async with desk() as d:
        cold = await d.broker.get("seat-1")
        warm = await d.broker.get("seat-1")

        assert cold.token is warm.token
        assert d.source.calls == 1
        assert d.events.sources == {"exchange": 1, "memory": 1}


async def test_an_account_is_in_use_for_some_time_after_it_was_asked_for() -> None:
    async with desk() as d:
        assert d.broker.in_use(3600.0) == []
        await d.broker.get("seat-1")
        await d.clock.advance(3600)
        assert d.broker.in_use(3600.0) == [ACCOUNTS[0]]
        await d.clock.advance(1)
        assert d.broker.in_use(3600.0) == []


async def test_a_warm_answer_waits_for_nothing() -> None:
    """The fresh path never yields to the event loop."""
    async with desk() as d:
        await d.broker.get("seat-1")
        coroutine = d.broker.get("seat-1")
        with pytest.raises(StopIteration):
            coroutine.send(None)


async def test_a_hundred_callers_cause_one_exchange() -> None:
    async with desk() as d:
        d.source.hold()
        callers = [d.ask() for _ in range(100)]
        await settle()
        d.source.release()
        await settle()

        assert d.source.calls == 1
        assert {caller.result().token.token_id for caller in callers} == {"id-1"}
        assert d.events.followers == 99


async def test_accounts_do_not_wait_for_each_other() -> None:
    async with desk() as d:
        d.source.hold()
        first = d.ask("seat-1")
        second = d.ask("seat-2")
        await settle()

        assert d.source.calls == 2
        d.source.release()
        await asyncio.wait((first, second))


async def test_a_leaving_caller_leaves_the_exchange_to_the_others() -> None:
    async with desk() as d:
        d.source.hold()
        leader, follower = d.ask(), d.ask()
        await settle()
        leader.cancel()
        await settle()
        d.source.release()
        await settle()

        assert leader.cancelled()
        assert follower.result().token.generation == 1
        assert d.source.calls == 1


async def test_a_callers_time_runs_out_without_ending_the_exchange() -> None:
    async with desk() as d:
        d.source.hold()
        with pytest.raises(TimeoutError):
            await d.broker.get("seat-1", patience=0.0)
        d.source.release()
        await settle()

        assert (await d.broker.get("seat-1")).token.generation == 1
        assert d.source.calls == 1


async def test_a_due_renewal_happens_behind_the_callers_back() -> None:
    async with desk() as d:
        first = await d.broker.get("seat-1")
        await d.clock.advance(1501)
        d.source.hold()
        due = await d.broker.get("seat-1")
        await d.broker.get("seat-1")
        d.source.release()
        await settle()
        renewed = await d.broker.get("seat-1")

        assert due.token is first.token
        assert due.state is Freshness.RENEW_SOON
        assert renewed.token.generation == 2
        assert d.source.calls == 2


async def test_a_living_token_is_given_while_its_renewal_fails() -> None:
    """A token that still works is never thrown away (design §2, invariant 3)."""
    async with desk() as d:
        await d.broker.get("seat-1")
        await d.clock.advance(1501)
        d.source.script.append(GitHubUnavailable("down"))
        await d.broker.get("seat-1")
        await settle()
        stale = await d.broker.get("seat-1")

        assert stale.state is Freshness.STALE
        assert stale.expires_in == 299
        assert d.source.calls == 2
        assert d.events.sources["stale"] == 1


async def test_who_waited_for_a_failed_renewal_gets_the_old_token() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")
        await d.clock.advance(1780)
        d.source.script.append(CredentialRejected("gone"))
        stale = await d.broker.get("seat-1")

        assert stale.state is Freshness.STALE
        assert d.source.calls == 2


async def test_who_is_short_of_time_gets_the_old_token() -> None:
    """A living token beats a deadline missed while waiting for a better one."""
    async with desk() as d:
        await d.broker.get("seat-1")
        await d.clock.advance(1780)
        d.source.hold()
        stale = await d.broker.get("seat-1", patience=0.0)
        d.source.release()

        assert stale.state is Freshness.STALE


async def test_who_waits_gets_the_old_token_while_it_lives() -> None:
    """Not after it has ended, however long the renewal takes and the caller could wait."""
    async with desk() as d:
        await d.broker.get("seat-1")
        await d.clock.advance(1799.9)
        d.source.hold()
        async with asyncio.timeout(10):
            stale = await d.broker.get("seat-1", patience=30.0)
        d.source.release()

        assert stale.state is Freshness.STALE
        assert 0 < stale.expires_in < 1


async def test_a_dead_token_is_not_given() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")
        await d.clock.advance(1800)
        d.source.script.append(GitHubUnavailable("down"))

        with pytest.raises(GitHubUnavailable):
            await d.broker.get("seat-1")


async def test_a_failure_is_remembered_instead_of_asking_again() -> None:
    async with desk() as d:
        d.source.script.append(GitHubUnavailable("down", retry_after=120.0))
        with pytest.raises(GitHubUnavailable) as first:
            await d.broker.get("seat-1")
        await d.clock.advance(20)
        with pytest.raises(GitHubUnavailable) as second:
            await d.broker.get("seat-1")

        assert d.source.calls == 1
        assert (first.value.retry_after, second.value.retry_after) == (120, 100)


async def test_after_the_pause_the_next_caller_tries_again() -> None:
    async with desk() as d:
        d.source.script.append(CredentialRejected("revoked"))
        with pytest.raises(CredentialRejected):
            await d.broker.get("seat-1")
        await d.clock.advance(2.1)

        assert (await d.broker.get("seat-1")).state is Freshness.FRESH
        assert d.store.held(SEAT).failure is None


async def test_every_follower_gets_an_error_of_its_own() -> None:
    async with desk() as d:
        d.source.hold()
        d.source.script.append(GitHubUnavailable("down"))
        callers = [asyncio.gather(d.broker.get("seat-1"), return_exceptions=True) for _ in "ab"]
        await settle()
        d.source.release()
        (one,), (other,) = [await caller for caller in callers]

        assert isinstance(one, GitHubUnavailable)
        assert isinstance(other, GitHubUnavailable)
        assert one is not other


async def test_an_exchange_has_a_deadline_of_its_own() -> None:
    async with desk(attempt_seconds=0.0) as d:
        d.source.hold()
        with pytest.raises(GitHubUnavailable, match="in time"):
            await d.broker.get("seat-1")


async def test_a_bug_in_a_source_is_reported_and_hidden() -> None:
    async with desk() as d:
        d.source.script.append(KeyError("secret"))
        with pytest.raises(InternalError) as raised:
            await d.broker.get("seat-1")

        assert "secret" not in raised.value.message
        assert [type(bug) for bug in d.events.bugs] == [KeyError]
        with pytest.raises(InternalError):
            await d.broker.get("seat-1")
        assert d.source.calls == 1


async def test_a_bug_in_the_store_is_reported_and_hidden() -> None:
    async with desk() as d:
        d.store.broken = RuntimeError("secret")
        with pytest.raises(InternalError):
            await d.broker.get("seat-1")

        assert len(d.events.bugs) == 1


async def test_what_another_replica_obtained_is_used() -> None:
    """After taking the flight it looks again."""
    async with desk() as d:
        theirs = token_of(SEAT, grant(), 7, d.clock.monotonic(), 1500.0)
        d.store.shared[SEAT] = Held(theirs)

        assert (await d.broker.get("seat-1")).token is theirs
        assert d.source.calls == 0


async def test_an_unknown_account_is_refused_before_anything_is_done() -> None:
    async with desk() as d:
        with pytest.raises(AccountNotFound):
            await d.broker.get("nobody")

        assert d.source.calls == 0
        assert d.store.seen == {}


@pytest.mark.parametrize(("account", "min_ttl"), [("", 0.0), ("seat-1", -1.0), ("seat-1", 1201.0)])
async def test_an_invalid_request_is_refused(account: str, min_ttl: float) -> None:
    async with desk() as d:
        with pytest.raises(ArgumentInvalid):
            await d.broker.get(account, min_ttl)

        assert d.source.calls == 0


async def test_a_long_min_ttl_renews_first_but_not_twice_a_minute() -> None:
    async with desk() as d:
        d.source.script.extend([grant(life=900.0), grant(life=900.0)])
        await d.broker.get("seat-1")
        early = await d.broker.get("seat-1", 1200.0)
        await d.clock.advance(61)
        renewed = await d.broker.get("seat-1", 1200.0)

        assert early.token.generation == 1
        assert renewed.token.generation == 2
        assert d.source.calls == 2


async def test_waiting_callers_are_bounded() -> None:
    async with desk(most_waiting=1) as d:
        d.source.hold()
        first = d.ask()
        await settle()
        with pytest.raises(Overloaded):
            await d.broker.get("seat-2")
        d.source.release()

        assert (await first).state is Freshness.FRESH


async def test_draining_sends_the_cold_away_and_serves_the_warm() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")
        d.broker.drain()

        assert (await d.broker.get("seat-1")).state is Freshness.FRESH
        with pytest.raises(Draining):
            await d.broker.get("seat-2")
        await d.clock.advance(1780)
        assert (await d.broker.get("seat-1")).state is Freshness.STALE
        assert d.source.calls == 1


async def test_callers_of_a_cancelled_exchange_are_told_to_call_again() -> None:
    async with desk() as d:
        d.source.hold()
        caller = asyncio.gather(d.broker.get("seat-1"), return_exceptions=True)
        await settle()
        d.flights.cancel_all()
        (outcome,) = await caller

        assert isinstance(outcome, Draining)


async def test_a_token_that_is_over_when_it_comes_is_no_token() -> None:
    async with desk() as d:
        d.source.hold()
        d.source.script.append(grant(life=5.0))
        caller = asyncio.gather(d.broker.get("seat-1"), return_exceptions=True)
        await settle()
        await d.clock.advance(6)
        d.source.release()
        (outcome,) = await caller

        assert isinstance(outcome, GitHubUnavailable)


# --- the fleet --------------------------------------------------------------------------------


async def test_who_waits_for_another_replica_gets_its_token() -> None:
    async with desk() as d:
        d.store.busy.add(SEAT)
        caller = d.ask()
        await settle()
        theirs = token_of(SEAT, grant("theirs"), 7, d.clock.monotonic(), 1500.0)
        d.store.report(SEAT, Held(theirs))

        assert (await caller).token is theirs
        assert (d.source.calls, d.events.followers) == (0, 1)
        assert d.events.sources == {"store": 1}


async def test_a_replica_that_vanished_is_succeeded() -> None:
    async with desk() as d:
        d.store.busy.add(SEAT)
        caller = d.ask()
        await settle()
        d.store.report(SEAT)

        assert (await caller).token.generation == 1
        assert d.events.takeovers == [SEAT]


async def test_a_replica_that_is_never_done_is_not_waited_for_for_ever() -> None:
    async with desk() as d:
        d.store.busy.add(SEAT)
        caller = asyncio.gather(d.broker.get("seat-1"), return_exceptions=True)
        await settle()
        await d.clock.advance(Limits(10.0).follow + 1)
        d.store._reported.set()
        (outcome,) = await caller

        assert isinstance(outcome, GitHubUnavailable)
        assert d.source.calls == 0


async def test_a_claim_that_needs_no_exchange_is_given_up() -> None:
    async with desk() as d:
        d.store.shared[SEAT] = Held(token_of(SEAT, grant(), 7, d.clock.monotonic(), 1500.0))
        await d.broker.get("seat-1")

        assert d.store.claimed == set()


async def test_a_cancelled_exchange_gives_its_claim_up() -> None:
    """The others need not wait for the claim's end."""
    async with desk() as d:
        d.source.hold()
        caller = asyncio.gather(d.broker.get("seat-1"), return_exceptions=True)
        await settle()
        assert d.store.claimed == {SEAT}
        d.flights.cancel_all()
        await caller

        assert d.store.claimed == set()


async def test_a_token_that_was_over_when_it_came_replaces_nothing() -> None:
    """A process that stood still brings back a dead one; what others hold may well live."""
    async with desk() as d:
        d.source.hold()
        d.source.script.append(grant(life=5.0))
        caller = asyncio.gather(d.broker.get("seat-1"), return_exceptions=True)
        await settle()
        await d.clock.advance(6)
        d.source.release()
        await caller

        assert d.store.held(SEAT).token is None


# --- complaints -------------------------------------------------------------------------------


async def test_a_complaint_about_an_older_token_renews_at_once() -> None:
    async with desk() as d:
        first = await d.broker.get("seat-1")
        await d.clock.advance(61)
        d.source.hold()
        current = await d.broker.invalidate("seat-1", first.token.token_id, "401")
        caller = d.ask()
        await settle()
        d.source.release()

        assert current == first.token.token_id
        assert (await caller).token.generation == 2
        assert d.events.complaints == [(SEAT, "id-1", 1)]


async def test_complaints_cannot_force_more_than_an_exchange_a_minute() -> None:
    """A young token stays, as STALE; its renewal comes when it may (design §2, invariant 2)."""
    async with desk() as d:
        lease = await d.broker.get("seat-1")
        for _ in range(100):
            assert await d.broker.invalidate("seat-1", lease.token.token_id, "401") == "id-1"
        stale = await d.broker.get("seat-1")

        assert (d.source.calls, len(d.events.complaints)) == (1, 1)
        assert (stale.state, stale.token.token_id) == (Freshness.STALE, "id-1")
        assert stale.refresh_in == 60.0
        await d.clock.advance(61)
        assert (await d.broker.get("seat-1")).token.generation == 2


async def test_a_complaint_about_another_token_is_answered_with_the_current_one() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")

        assert await d.broker.invalidate("seat-1", "id-0", "401") == "id-1"
        assert await d.broker.invalidate("seat-2", "id-0", "401") == ""
        assert (await d.broker.get("seat-1")).state is Freshness.FRESH
        assert d.events.complaints == []


async def test_after_three_refused_tokens_none_is_given_for_a_while() -> None:
    async with desk() as d:
        current = []
        for number in (1, 2, 3):
            await d.clock.advance(61)
            await d.broker.get("seat-1")
            current.append(await d.broker.invalidate("seat-1", f"id-{number}", "401"))
        assert current == ["id-1", "id-2", ""]
        with pytest.raises(TokenRejectedUpstream) as raised:
            await d.broker.get("seat-1")
        assert raised.value.retry_after == 120
        await d.clock.advance(121)
        assert (await d.broker.get("seat-1")).token.generation == 4
        assert await d.broker.invalidate("seat-1", "id-4", "401") == ""
        with pytest.raises(TokenRejectedUpstream) as raised:
            await d.broker.get("seat-1")

        assert (d.source.calls, raised.value.retry_after) == (4, 240)


async def test_every_token_refused_for_five_minutes_costs_few_exchanges() -> None:
    """Issue 3: Get → Invalidate all the time, at most 5 exchanges."""
    async with desk() as d:
        for _ in range(300):
            with suppress(TokenRejectedUpstream):
                lease = await d.broker.get("seat-1")
                await d.broker.invalidate("seat-1", lease.token.token_id, "401")
            await d.clock.advance(1)

        assert d.source.calls <= 5


async def test_a_renewal_that_only_a_complaint_wanted_is_not_tried_twice_a_minute() -> None:
    async with desk() as d:
        lease = await d.broker.get("seat-1")
        await d.clock.advance(61)
        d.source.script.append(GitHubUnavailable("down"))
        await d.broker.invalidate("seat-1", lease.token.token_id, "401")
        await settle()
        for _ in range(59):
            assert (await d.broker.get("seat-1")).state is Freshness.STALE
            await d.clock.advance(1)

        assert d.source.calls == 2


@pytest.mark.parametrize(("account", "token_id"), [("", "id"), ("seat-1", "")])
async def test_an_invalid_complaint_is_refused(account: str, token_id: str) -> None:
    async with desk() as d:
        with pytest.raises(ArgumentInvalid):
            await d.broker.invalidate(account, token_id, "401")
        with pytest.raises(AccountNotFound):
            await d.broker.invalidate("nobody", "id", "401")


# --- following --------------------------------------------------------------------------------


async def test_a_follower_is_told_of_each_newer_token_and_causes_none() -> None:
    async with desk() as d:
        seen: list[Lease | Removed] = []

        async def follow() -> None:
            async for change in d.broker.watch(["seat-1", "seat-2"]):
                seen.append(change)  # noqa: PERF401  each as it comes

        following = d.tasks.create_task(follow())
        await settle()
        assert (seen, d.source.calls) == ([], 0)
        assert d.store.looked_at == [SEAT, AccountId("seat-2")]
        await d.broker.get("seat-1")
        await d.clock.advance(1501)
        await d.broker.get("seat-1")
        await settle()
        following.cancel()

        assert [change.token.generation for change in seen if isinstance(change, Lease)] == [1, 2]


async def test_a_slow_follower_gets_the_latest() -> None:
    async with desk() as d:
        changes = d.broker.watch(["seat-1"])
        await d.broker.get("seat-1")
        await d.clock.advance(1501)
        await d.broker.get("seat-1")
        await settle()
        first = await anext(changes)
        await changes.aclose()

        assert isinstance(first, Lease)
        assert first.token.generation == 2


async def test_a_missing_account_is_reported_as_removed_at_once() -> None:
    async with desk() as d:
        changes = d.broker.watch(["nobody"])

        assert await anext(changes) == Removed(AccountId("nobody"))
        await changes.aclose()


async def test_followers_end_when_the_process_drains() -> None:
    async with desk() as d:
        changes = d.broker.watch(["seat-1"])
        waiting = asyncio.gather(anext(changes), return_exceptions=True)
        await settle()
        d.broker.drain()
        (outcome,) = await waiting

        assert isinstance(outcome, Draining)
        with pytest.raises(Draining):
            await anext(d.broker.watch(["seat-1"]))


@pytest.mark.parametrize("accounts", [[], [""], ["seat-1", ""]])
async def test_a_follower_names_accounts(accounts: list[str]) -> None:
    async with desk() as d:
        with pytest.raises(ArgumentInvalid):
            await anext(d.broker.watch(accounts))


async def test_a_follower_that_leaves_leaves_nothing_behind() -> None:
    async with desk() as d:
        changes = d.broker.watch(["seat-1", "nobody"])
        await anext(changes)
        await changes.aclose()

        assert d.broker._following._watchers._followers == {}
        assert d.broker._following._watchers._mailboxes == set()


# --- other accounts ---------------------------------------------------------------------------


async def test_a_removed_account_is_gone_for_all_and_its_record_deleted() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")
        changes = d.broker.watch(["seat-1"])
        await anext(changes)
        d.broker.replace_accounts(ACCOUNTS[1:])
        removed = await anext(changes)
        with pytest.raises(AccountNotFound):
            await d.broker.get("seat-1")
        await d.broker.forget_removed()
        d.broker.replace_accounts(ACCOUNTS)
        await d.broker.get("seat-1")
        again = await anext(changes)
        await changes.aclose()

        assert removed == Removed(SEAT)
        assert isinstance(again, Lease)
        assert (again.token.generation, d.source.calls) == (1, 2)


async def test_an_account_that_moved_gets_a_token_of_its_new_place() -> None:
    async with desk() as d:
        await d.broker.get("seat-1")
        moved = replace(ACCOUNTS[0], site=Site("https://api.acme.ghe.com"))
        d.broker.replace_accounts([moved, ACCOUNTS[1]])

        assert d.store.held(SEAT) == Held()
        assert d.store.shared[SEAT].token is not None


async def test_what_is_under_way_for_the_old_place_is_dropped_when_it_comes() -> None:
    async with desk() as d:
        d.source.hold()
        caller = d.ask()
        await settle()
        moved = replace(ACCOUNTS[0], site=Site("https://api.acme.ghe.com"))
        d.broker.replace_accounts([moved, ACCOUNTS[1]])
        d.source.release()
        await caller
        await settle()
        await d.broker.forget_removed()

        assert d.store.held(SEAT) == Held()


@pytest.mark.parametrize("choice", [Choice.DIRECT, Choice.STATIC])
async def test_a_credential_that_is_itself_the_token_is_replaced_at_once(choice: Choice) -> None:
    """The old one may have been revoked."""
    async with desk() as d:
        own = replace(ACCOUNTS[0], choice=choice)
        d.broker.replace_accounts([own])
        await d.broker.get("seat-1")
        d.broker.replace_accounts([replace(own, credential_digest=b"new")])

        assert d.store.held(SEAT) == Held()


async def test_a_new_credential_is_tried_at_once_and_the_old_token_kept() -> None:
    async with desk() as d:
        d.source.script.append(CredentialRejected("revoked"))
        with pytest.raises(CredentialRejected):
            await d.broker.get("seat-1")
        d.broker.replace_accounts([replace(ACCOUNTS[0], credential_digest=b"new"), ACCOUNTS[1]])
        lease = await d.broker.get("seat-1")
        d.broker.replace_accounts([replace(ACCOUNTS[0], credential_digest=b"newer"), ACCOUNTS[1]])
        await d.broker.forget_removed()

        assert (await d.broker.get("seat-1")).token is lease.token


async def test_the_listing_names_every_account_with_its_state() -> None:
    async with desk() as d:
        lease = await d.broker.get("seat-2")
        d.source.script.append(CredentialRejected("revoked"))
        with pytest.raises(CredentialRejected):
            await d.broker.get("seat-1")
        failed, ready = d.broker.listing()

        assert failed == AccountView(
            SEAT, "exchange", AccountState.FAILED, None, "CREDENTIAL_REJECTED"
        )
        assert ready == AccountView(
            AccountId("seat-2"), "exchange", AccountState.READY, lease.token.expires_at, ""
        )


async def test_who_hands_out_its_own_credential_is_known() -> None:
    async with desk() as d:
        d.broker.replace_accounts([replace(ACCOUNTS[0], choice=Choice.DIRECT), ACCOUNTS[1]])

        assert d.broker.is_direct("seat-1")
        assert not d.broker.is_direct("seat-2")
        assert not d.broker.is_direct("nobody")
