"""What one caller gets: a token now, a wait, or a refusal."""

import pytest

from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.domain import failures
from token_service.domain.errors import (
    CredentialRejected,
    GitHubUnavailable,
    TokenServiceError,
)
from token_service.domain.freshness import Freshness, FreshnessPolicy
from token_service.domain.holding import Held
from token_service.domain.leases import (
    AccountState,
    Give,
    Refuse,
    Wait,
    account_state,
    decide,
    may_try,
    renewal_due,
)
from token_service.domain.tokens import AccountId

POLICY = FreshnessPolicy()
TOKEN = token_of(AccountId("a"), grant(), generation=1, obtained=0.0, refresh_after=1500.0)
NOTHING = Held()
TRANSIENT = GitHubUnavailable("x")
PERMANENT = CredentialRejected("x")


def held_after(error: TokenServiceError, at: float, with_token: bool = True) -> Held:
    failure = failures.after(None, error, now=at, jitter=1.0)
    return Held(TOKEN if with_token else None, failure)


def given_state(held: Held, now: float, min_ttl: float = 0.0) -> tuple[Freshness, bool]:
    decision = decide(held, min_ttl, POLICY, now, under_way=False)
    assert isinstance(decision, Give)
    return decision.lease.state, decision.renew


@pytest.mark.parametrize(
    ("now", "state", "renew"),
    [
        (0.0, Freshness.FRESH, False),
        (1499.0, Freshness.FRESH, False),
        (1500.0, Freshness.RENEW_SOON, True),
        (1769.0, Freshness.RENEW_SOON, True),
    ],
)
def test_a_living_token_is_given_at_once(now: float, state: Freshness, renew: bool) -> None:
    assert given_state(Held(TOKEN), now) == (state, renew)


def test_a_lease_counts_from_now() -> None:
    decision = decide(Held(TOKEN), 0.0, POLICY, 100.0, under_way=False)

    assert isinstance(decision, Give)
    assert (decision.lease.expires_in, decision.lease.refresh_in) == (1700.0, 1400.0)


def test_a_due_renewal_that_failed_makes_a_token_stale() -> None:
    """STALE: its renewal is overdue and has failed so far (token_service.proto)."""
    assert given_state(held_after(TRANSIENT, at=1600.0), 1600.1) == (Freshness.STALE, True)


def test_a_stale_lease_says_when_the_pause_is_over() -> None:
    decision = decide(held_after(TRANSIENT, at=1600.0), 0.0, POLICY, 1600.1, under_way=False)

    assert isinstance(decision, Give)
    assert decision.lease.refresh_in == pytest.approx(0.4)


def test_who_would_get_a_nearly_dead_token_waits_for_its_renewal() -> None:
    decision = decide(Held(TOKEN), 0.0, POLICY, 1780.0, under_way=False)

    assert isinstance(decision, Wait)
    assert decision.fallback is not None
    assert decision.fallback.state is Freshness.STALE


def test_nobody_waits_during_a_pause_while_the_token_lives() -> None:
    assert given_state(held_after(TRANSIENT, at=1780.0), 1780.1) == (Freshness.STALE, False)


def test_a_longer_min_ttl_waits_for_a_renewal() -> None:
    assert isinstance(decide(Held(TOKEN), 1200.0, POLICY, 700.0, under_way=False), Wait)


def test_a_min_ttl_cannot_force_exchanges_one_after_the_other() -> None:
    """A token younger than a minute is given as it is (design §2, invariant 2)."""
    young = Held(
        token_of(AccountId("a"), grant(life=900.0), generation=1, obtained=0.0, refresh_after=600.0)
    )

    assert given_state(young, 59.0, min_ttl=1200.0) == (Freshness.STALE, False)
    assert isinstance(decide(young, 1200.0, POLICY, 61.0, under_way=False), Wait)


def test_without_a_token_callers_wait() -> None:
    assert decide(NOTHING, 0.0, POLICY, 0.0, under_way=False) == Wait(fallback=None)
    assert decide(Held(TOKEN), 0.0, POLICY, 1800.0, under_way=False) == Wait(fallback=None)


def test_a_remembered_failure_is_told_while_its_pause_lasts() -> None:
    held = held_after(TRANSIENT, at=100.0, with_token=False)
    decision = decide(held, 0.0, POLICY, 100.2, under_way=False)

    assert isinstance(decision, Refuse)
    assert decision.error.retry_after == pytest.approx(0.3)
    assert isinstance(decide(held, 0.0, POLICY, 100.6, under_way=False), Wait)


def test_an_attempt_under_way_is_waited_for() -> None:
    held = held_after(TRANSIENT, at=100.0, with_token=False)

    assert decide(held, 0.0, POLICY, 100.2, under_way=True) == Wait(fallback=None)


def test_when_an_attempt_may_be_made() -> None:
    assert may_try(NOTHING, 0.0)
    assert not may_try(Held(TOKEN), 59.0)
    assert may_try(Held(TOKEN), 60.0)
    assert not may_try(held_after(TRANSIENT, at=100.0), 100.4)


def test_when_to_renew_ahead_of_need() -> None:
    """A failure that an operator has to mend is not tried on nobody's behalf (§3.4)."""
    assert renewal_due(NOTHING) is None
    assert renewal_due(Held(TOKEN)) == 1500.0
    assert renewal_due(held_after(TRANSIENT, at=1600.0)) == 1600.5
    assert renewal_due(held_after(TRANSIENT, at=700.0)) == 1500.0  # one for a long min_ttl
    assert renewal_due(held_after(PERMANENT, at=1600.0)) is None


@pytest.mark.parametrize(
    ("held", "now", "state"),
    [
        (NOTHING, 0.0, AccountState.IDLE),
        (Held(TOKEN), 0.0, AccountState.READY),
        (Held(TOKEN), 1800.0, AccountState.IDLE),
        (held_after(TRANSIENT, at=0.0), 0.0, AccountState.RETRYING),
        (held_after(PERMANENT, at=0.0), 0.0, AccountState.FAILED),
    ],
)
def test_an_accounts_state(held: Held, now: float, state: AccountState) -> None:
    assert account_state(held, now) is state
