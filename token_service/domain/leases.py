"""What one caller gets, from what is known of the account: a token now, a wait, or a refusal.

The heart of the broker as functions of values. Starting and waiting are the broker's.
"""

from dataclasses import dataclass
from enum import StrEnum

from token_service.domain.credentials import Choice, Strategy
from token_service.domain.errors import Reason, TokenServiceError
from token_service.domain.failures import stops_retries
from token_service.domain.freshness import (
    Freshness,
    FreshnessPolicy,
    judge,
    least_age,
    needed_life,
)
from token_service.domain.holding import Held
from token_service.domain.tokens import Account, AccountId, CopilotToken


class AccountState(StrEnum):
    """What an account's tokens can be counted on for (token_service.proto, AccountState)."""

    IDLE = "idle"
    READY = "ready"
    RETRYING = "retrying"
    FAILED = "failed"


class Alert(StrEnum):
    """Why somebody should look at an account today; a closed set of labels."""

    REJECTED_UPSTREAM = "rejected_upstream"
    RETRIES_STOPPED = "retries_stopped"


@dataclass(frozen=True)
class Lease:
    """A token as it is given to one caller; durations in seconds from now.

    state is FRESH, RENEW_SOON or STALE. refresh_in is 0 when a renewal is due; while a pause
    after a failed one lasts, it is what is left of the pause.
    """

    token: CopilotToken
    state: Freshness
    expires_in: float
    refresh_in: float


@dataclass(frozen=True)
class Removed:
    """An account that is not there any more, as who follows it is told."""

    account: AccountId


@dataclass(frozen=True)
class AccountView:
    """One account as its callers may see it.

    expires_at: seconds since the epoch by the issuer's clock; failure_reason: empty for none
    """

    id: AccountId
    strategy: str
    state: AccountState
    expires_at: float | None
    failure_reason: str


@dataclass(frozen=True)
class Give:
    """Answer at once."""

    lease: Lease
    renew: bool


@dataclass(frozen=True)
class Wait:
    """Wait for an attempt; if it fails there may still be something to give."""

    fallback: Lease | None


@dataclass(frozen=True)
class Refuse:
    """Answer with an error at once."""

    error: TokenServiceError


def decide(
    held: Held, min_ttl: float, policy: FreshnessPolicy, now: float, under_way: bool
) -> Give | Wait | Refuse:
    """What a caller gets who wants `min_ttl` seconds; under_way: an attempt is running."""
    token = held.living(now)
    if token is None:
        return _without_token(held, now, under_way)
    match verdict(held, token, min_ttl, policy, now):
        case Freshness.FRESH:
            return Give(lease(held, token, Freshness.FRESH, now), renew=False)
        case Freshness.RENEW_SOON if held.failure is None:
            return Give(lease(held, token, Freshness.RENEW_SOON, now), renew=True)
        case Freshness.RENEW_SOON:
            return Give(lease(held, token, Freshness.STALE, now), renew=True)
        case _:
            stale = lease(held, token, Freshness.STALE, now)
            if under_way or may_try(held, now):
                return Wait(fallback=stale)
            return Give(stale, renew=False)


def verdict(
    held: Held, token: CopilotToken, min_ttl: float, policy: FreshnessPolicy, now: float
) -> Freshness:
    """What the token held is good for at monotonic `now`, for a caller who wants `min_ttl`.

    One that upstream refused is STALE: it may work for others, and it is all there is.
    """
    needed = needed_life(token.life, min_ttl, policy)
    judged = judge(now - token.obtained, token.life, token.refresh_after, needed)
    if held.rejected_at is not None and judged is not Freshness.EXPIRED:
        return Freshness.STALE
    return judged


def may_try(held: Held, now: float) -> bool:
    """Whether an attempt may be made: no pause lasts, and the token is not all but new."""
    if held.pause(now) > 0:
        return False
    token = held.token
    return token is None or now - token.obtained >= least_age(token.life)


def lease(held: Held, token: CopilotToken, state: Freshness, now: float) -> Lease:
    """The token with what is left of it."""
    age = now - token.obtained
    expires_in = max(0.0, token.life - age)
    renewal = least_age(token.life) if held.rejected_at is not None else token.refresh_after
    refresh_in = max(0.0, min(renewal, token.refresh_after) - age, held.pause(now))
    return Lease(token, state, expires_in, min(refresh_in, expires_in))


def renewal_due(held: Held, ahead: float = 0.0) -> float | None:
    """The monotonic time at which to renew ahead of need; None when nothing is to be renewed.

    ahead: seconds by which to be earlier than planned, so far as a renewal can be.
    A failure that an operator has to mend is not tried again on nobody's behalf: GitHub's
    abuse and billing refusals must stop the asking (copilot-upstream.md §3.4).
    """
    token = held.token
    if token is None or (held.failure is not None and held.failure.is_permanent):
        return None
    due = max(token.refresh_after - ahead, least_age(token.life))
    if held.rejected_at is not None:
        due = min(due, max(held.rejected_at - token.obtained, least_age(token.life)))
    return max(token.obtained + due, held.paused_until)


def pause_beyond_need(held: Held, now: float) -> float:
    """Seconds that a failed attempt must pause because nobody but a caller wanted it yet.

    A long min_ttl or a complaint asks for a renewal ahead of its time. While that fails it may
    not be asked for more than once a minute either (design §2, invariant 2), and no later than
    the renewal that would have been due.
    """
    token = held.living(now)
    if token is None:
        return 0.0
    age = now - token.obtained
    return max(0.0, min(least_age(token.life), token.refresh_after - age))


# --- for people -------------------------------------------------------------------------------


def view(account: Account, held: Held, now: float) -> AccountView:
    """The account as its callers may see it."""
    token = held.living(now)
    # auto chooses nothing else, as long as no token says so (docs/decisions/0006).
    chosen = Strategy.EXCHANGE if account.choice is Choice.AUTO else Strategy(account.choice)
    return AccountView(
        id=account.id,
        strategy=(held.token.strategy if held.token is not None else chosen).value,
        state=account_state(held, now),
        expires_at=token.expires_at if token is not None else None,
        failure_reason=failure_reason(held),
    )


def account_state(held: Held, now: float) -> AccountState:
    """The account's state. A failure counts even while an older token lives: it needs a look."""
    if held.failure is not None:
        return AccountState.FAILED if held.failure.is_permanent else AccountState.RETRYING
    if held.is_barred:
        return AccountState.RETRYING
    return AccountState.READY if held.living(now) else AccountState.IDLE


def failure_reason(held: Held) -> str:
    """Why there is no new token, as a reason of token_service.proto; empty when there is none."""
    if held.failure is not None:
        return held.failure.error.reason.value
    return Reason.TOKEN_REJECTED_UPSTREAM.value if held.is_barred else ""


def alert(held: Held) -> Alert | None:
    """What calls for a person, if anything does."""
    if held.failure is not None and stops_retries(held.failure.error):
        return Alert.RETRIES_STOPPED
    return Alert.REJECTED_UPSTREAM if held.is_barred else None


def _without_token(held: Held, now: float, under_way: bool) -> Wait | Refuse:
    refusal = held.refusal(now)
    if refusal is not None and not under_way:
        return Refuse(refusal)
    return Wait(fallback=None)
