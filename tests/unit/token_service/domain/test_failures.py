"""How long to pause after failures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.errors import (
    CredentialRejected,
    GitHubRateLimited,
    GitHubUnavailable,
    InternalError,
    NoCopilotAccess,
    TokenServiceError,
)
from token_service.domain.failures import after, pause, stops_retries

ERRORS: list[type[TokenServiceError]] = [
    CredentialRejected,
    GitHubRateLimited,
    GitHubUnavailable,
    InternalError,
]


@pytest.mark.parametrize(
    ("error", "attempts", "seconds"),
    [
        (GitHubUnavailable("x"), 1, 0.5),
        (GitHubUnavailable("x"), 2, 1.0),
        (GitHubUnavailable("x"), 99, 10.0),
        (CredentialRejected("x"), 1, 2.0),
        (CredentialRejected("x"), 99, 60.0),
        (GitHubRateLimited("x"), 1, 60.0),
        (GitHubRateLimited("x"), 99, 900.0),
        (InternalError("x"), 1, 0.5),
        (GitHubUnavailable("x", retry_after=120.0), 1, 120.0),
    ],
)
def test_pauses_double_up_to_a_bound(
    error: TokenServiceError, attempts: int, seconds: float
) -> None:
    assert pause(error, attempts, jitter=1.0) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("hint", "attempts", "jitter", "seconds"),
    [
        (5.0, 1, 0.0, 5.0),
        (5.0, 99, 0.0, 5.0),
        (60.0, 1, 0.5, 60.5),
        (0.0, 1, 0.0, 1.0),
        (899.5, 1, 0.9, 900.0),
        (1e9, 1, 0.0, 900.0),
    ],
)
def test_a_rate_limit_lasts_as_long_as_github_says(
    hint: float, attempts: int, jitter: float, seconds: float
) -> None:
    """Neither shorter nor longer; only without a hint a minute, doubling (§3.4)."""
    error = GitHubRateLimited("x", retry_after=hint)

    assert pause(error, attempts, jitter) == pytest.approx(seconds)


@given(
    st.sampled_from(ERRORS),
    st.integers(min_value=1, max_value=10**6),
    st.floats(min_value=0, max_value=1, exclude_max=True),
    st.none() | st.floats(min_value=0, max_value=1e9),
)
def test_every_pause_is_bounded_and_never_nothing(
    kind: type[TokenServiceError], attempts: int, jitter: float, hint: float | None
) -> None:
    seconds = pause(kind("x", retry_after=hint), attempts, jitter)

    assert 0.3 < seconds <= 900
    assert hint is None or seconds >= min(hint, 900)


def test_attempts_are_counted_in_a_row() -> None:
    first = after(None, GitHubUnavailable("x"), now=100.0, jitter=1.0)
    second = after(first, GitHubUnavailable("x"), now=200.0, jitter=1.0)

    assert (first.attempts, first.until) == (1, 100.5)
    assert (second.attempts, second.until) == (2, 201.0)


def test_callers_are_told_what_is_left_of_the_pause() -> None:
    failure = after(None, GitHubUnavailable("x"), now=100.0, jitter=1.0)

    assert failure.for_caller(100.2).retry_after == pytest.approx(0.3)
    assert failure.for_caller(101.0).retry_after == 0.0


def test_waiting_is_not_advised_where_it_does_not_help() -> None:
    """RetryInfo only where waiting helps (design §6)."""
    failure = after(None, CredentialRejected("x"), now=100.0, jitter=1.0)

    assert failure.for_caller(100.0).retry_after is None


def test_each_caller_gets_an_error_of_its_own() -> None:
    failure = after(None, GitHubUnavailable("x", metadata={"a": "b"}, detail="d"), 100.0, 1.0)
    one, other = failure.for_caller(100.0), failure.for_caller(100.0)

    assert one is not other
    assert (one.message, one.metadata, one.detail) == ("x", {"a": "b"}, "d")


@pytest.mark.parametrize(
    ("notification_id", "attempts", "seconds"),
    [
        ("spammy_user", 1, 900.0),
        ("billing_locked", 2, 1800.0),
        ("trade_restricted_country", 99, 3600.0),
        ("no_copilot_access", 1, 2.0),
    ],
)
def test_abuse_and_billing_stop_retries(
    notification_id: str, attempts: int, seconds: float
) -> None:
    """Asking on makes those worse (copilot-upstream.md §3.4)."""
    error = NoCopilotAccess("x", metadata={"notification_id": notification_id})

    assert pause(error, attempts, jitter=1.0) == pytest.approx(seconds)
    assert stops_retries(error) == (seconds >= 900)


def test_a_pause_may_have_to_be_longer_for_another_reason() -> None:
    assert after(None, GitHubUnavailable("x"), 100.0, 1.0, at_least=60.0).until == 160.0
