"""What is known of an account, and how that changes."""

import pytest

from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.domain import failures
from token_service.domain.errors import GitHubUnavailable, TokenRejectedUpstream
from token_service.domain.failures import Failure
from token_service.domain.holding import Held, newest, rejected, strikes_after
from token_service.domain.tokens import AccountId, CopilotToken


def token(generation: int = 1, obtained: float = 0.0) -> CopilotToken:
    return token_of(AccountId("a"), grant(), generation, obtained, refresh_after=1500.0)


def failure(until: float, attempts: int = 1) -> Failure:
    return Failure(GitHubUnavailable("x"), attempts, until)


NOTHING = Held()
LATER = failure(90.0)


@pytest.mark.parametrize(
    ("held", "found", "generation", "result"),
    [
        (NOTHING, Held(token(2)), 2, Held(token(2))),
        (NOTHING, Held(None, LATER), 0, Held(None, LATER)),
        (Held(None, LATER), NOTHING, 0, Held(None, LATER)),
        (Held(token(1)), Held(token(2)), 2, Held(token(2))),
        (Held(token(2)), Held(token(1)), 1, Held(token(2))),
        (Held(token(2)), Held(token(1), None, 3.0, 3), 1, Held(token(2))),
        (Held(token(2)), NOTHING, 0, Held(token(2))),
        # What cannot be read is no reason to give up what can.
        (Held(token(2)), NOTHING, 9, Held(token(2))),
        # Nor is a newer one that is over already.
        (Held(token(1)), Held(token(2, -1800.0)), 2, Held(token(1))),
        # A failure counts for everybody, whatever token it stands beside.
        (Held(token(2)), Held(token(1), LATER), 1, Held(token(2), LATER)),
        (Held(token(2), LATER), NOTHING, 2, Held(token(2))),
        # The same token is known better here; what happened to it is news.
        (Held(token(2, 5.0)), Held(token(2, 4.0), LATER), 2, Held(token(2, 5.0), LATER)),
        (Held(token(2)), Held(token(2), None, 3.0, 1), 2, Held(token(2), None, 3.0, 1)),
        (
            Held(token(2), None, 3.1, 1),
            Held(token(2), None, 3.0, 1),
            2,
            Held(token(2), None, 3.1, 1),
        ),
    ],
)
def test_the_newer_of_two_views(held: Held, found: Held, generation: int, result: Held) -> None:
    assert newest(held, found, generation, now=10.0) == result


def test_one_failure_seen_twice_is_one() -> None:
    """Else every look would be a change that everybody is told of."""
    ours, again = failure(50.0), failure(50.1)

    assert newest(Held(token(), ours), Held(token(), again), 1, 0.0).failure is ours
    assert newest(Held(token(), ours), Held(token(), failure(55.0, 2)), 1, 0.0).failure is not ours


def test_a_complaint_counts_once_and_only_about_the_current_token() -> None:
    held = Held(token(3))
    once = rejected(held, "id-3", 100.0)

    assert (once.rejected_at, once.strikes) == (100.0, 1)
    assert rejected(once, "id-3", 200.0) == once
    assert rejected(held, "id-2", 100.0) == held
    assert rejected(NOTHING, "id-2", 100.0) == NOTHING


def test_a_refused_token_is_given_until_too_many_were_refused() -> None:
    """A token that still works is never thrown away for one caller's word (design §2.3)."""
    second = rejected(Held(token(), strikes=1), "id-1", 100.0)
    third = rejected(Held(token(), strikes=2), "id-1", 100.0)

    assert second.living(100.0) == token()
    assert second.refusal(100.0) is None
    assert third.living(100.0) is None
    assert isinstance(third.refusal(100.0), TokenRejectedUpstream)


@pytest.mark.parametrize(
    ("strikes", "seconds"), [(1, 0), (2, 0), (3, 120), (4, 240), (5, 480), (6, 900), (99, 900)]
)
def test_the_pause_after_refused_tokens_doubles_to_a_quarter_of_an_hour(
    strikes: int, seconds: float
) -> None:
    held = Held(token(), rejected_at=100.0, strikes=strikes)

    assert failures.rejection_pause(strikes) == seconds
    assert held.pause(100.0) == seconds
    if seconds:
        error = held.refusal(130.0)
        assert error is not None
        assert error.retry_after == pytest.approx(seconds - 30)
    assert held.refusal(100.0 + seconds) is None


def test_the_longer_pause_is_the_one_that_counts() -> None:
    barred = Held(token(), failure(500.0), rejected_at=100.0, strikes=3)

    assert barred.pause(100.0) == 400.0
    assert isinstance(barred.refusal(100.0), GitHubUnavailable)
    assert isinstance(Held(token(), failure(150.0), 100.0, 3).refusal(100.0), TokenRejectedUpstream)


def test_the_count_ends_with_a_token_that_reached_its_renewal() -> None:
    young = Held(token(), strikes=2)

    assert strikes_after(young, 1499.0) == 2
    assert strikes_after(young, 1500.0) == 0
    assert strikes_after(rejected(young, "id-1", 10.0), 1500.0) == 3
    assert rejected(young, "id-1", 1500.0).strikes == 1
