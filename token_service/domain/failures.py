"""What is remembered of a failed attempt, and how long to wait before the next.

Jitter is an argument. The figures are the closest peer's (peers.md §0.2); without a hint
GitHub's rate limit gets the pause that its newest own client makes (copilot-upstream.md §3.4).
"""

from collections.abc import Callable
from dataclasses import dataclass

from token_service.domain.answers import LONGEST_HINT_SECONDS
from token_service.domain.errors import (
    AccountError,
    GitHubRateLimited,
    TokenRejectedUpstream,
    TokenServiceError,
)

# GitHub suspects abuse, or somebody has to pay: asking on makes it worse, so that these stop
# retries (copilot-upstream.md §3.4). The other ids are seats that somebody may assign any time.
STOPPING_IDS = frozenset(
    {
        "spammy_user",
        "billing_locked",
        "trade_restricted",
        "trade_restricted_country",
        "access_revoked",
        "programmatic_token_generation",
        "go_http_client",
    }
)
# This many tokens refused by upstream one after the other, and it is not the tokens' fault.
MOST_STRIKES = 3
# Of a rate limit's hint: "at once" is no pause, and accounts that were told the same come apart.
LEAST_HINT_SECONDS = 1.0
HINT_SPREAD_SECONDS = 1.0


@dataclass(frozen=True)
class Backoff:
    """Pauses that double from `first` to `longest` seconds."""

    first: float
    longest: float

    def grown(self, attempts: int) -> float:
        """The pause after the `attempts`-th time in a row."""
        # 2**10 is beyond every row's longest; a larger exponent would only make large numbers.
        return min(self.longest, self.first * 2.0 ** min(attempts - 1, 10))


def stops_retries(error: TokenServiceError) -> bool:
    """Whether it is one of GitHub's refusals that asking again makes worse."""
    return error.metadata.get("notification_id") in STOPPING_IDS


# The first row that applies to the error.
_BACKOFFS: tuple[tuple[Callable[[TokenServiceError], bool], Backoff], ...] = (
    (stops_retries, Backoff(first=900.0, longest=3600.0)),
    (lambda error: isinstance(error, GitHubRateLimited), Backoff(60.0, LONGEST_HINT_SECONDS)),
    (lambda error: isinstance(error, AccountError), Backoff(first=2.0, longest=60.0)),
    (lambda error: True, Backoff(first=0.5, longest=10.0)),
)
_REJECTIONS = Backoff(first=120.0, longest=900.0)


@dataclass(frozen=True)
class Failure:
    """The last attempt of an account, which failed.

    attempts  how many have failed in a row
    until     monotonic seconds; before it nobody tries again
    """

    error: TokenServiceError
    attempts: int
    until: float

    @property
    def is_permanent(self) -> bool:
        """Whether an operator has to mend it."""
        return isinstance(self.error, AccountError)

    def remaining(self, now: float) -> float:
        """Seconds left of the pause at monotonic `now`; 0 when it is over."""
        return max(0.0, self.until - now)

    def for_caller(self, now: float) -> TokenServiceError:
        """The error for one more caller. RetryInfo only where waiting helps (design §6)."""
        return self.error.again(None if self.is_permanent else self.remaining(now))


def pause(error: TokenServiceError, attempts: int, jitter: float) -> float:
    """Seconds to wait after the `attempts`-th failure in a row; jitter in [0, 1).

    At least what GitHub asked for, of which at most 15 minutes count. Where it limits its rate
    and says for how long, that is how long (copilot-upstream.md §3.4).
    """
    hint = error.retry_after
    if isinstance(error, GitHubRateLimited) and hint is not None:
        spread = max(hint, LEAST_HINT_SECONDS) + HINT_SPREAD_SECONDS * jitter
        return min(spread, LONGEST_HINT_SECONDS)
    backoff = next(row for applies, row in _BACKOFFS if applies(error))
    spread = backoff.grown(attempts) * (0.75 + 0.25 * jitter)
    return max(spread, min(hint or 0.0, LONGEST_HINT_SECONDS))


def after(
    previous: Failure | None,
    error: TokenServiceError,
    now: float,
    jitter: float,
    at_least: float = 0.0,
) -> Failure:
    """What to remember when `error` follows `previous`; now is monotonic.

    at_least: seconds to pause for another reason than this failure.
    """
    attempts = 1 + (previous.attempts if previous is not None else 0)
    return Failure(error, attempts, now + max(at_least, pause(error, attempts, jitter)))


def rejection_pause(strikes: int) -> float:
    """Seconds without a new token once upstream has refused `strikes` of them in a row.

    0 for the first few: those are replaced as soon as that is allowed. Not jittered: one
    replica makes the next attempt for all of them.
    """
    return _REJECTIONS.grown(strikes - MOST_STRIKES + 1) if strikes >= MOST_STRIKES else 0.0


def rejected_upstream(retry_after: float) -> TokenRejectedUpstream:
    """The error while that pause lasts."""
    return TokenRejectedUpstream(
        "upstream refuses one new token of this account after the other; look at the account's "
        "seat and at the host its tokens are sent to",
        retry_after=retry_after,
    )
