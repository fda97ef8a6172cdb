"""What is known of an account: its newest token, its last failure, the complaints about it.

Says how that changes with what happens; every store follows it, in memory and in Lua. What a
caller gets from it is decided in domain/leases.
"""

from dataclasses import dataclass, replace

from token_service.domain.errors import TokenServiceError
from token_service.domain.failures import (
    MOST_STRIKES,
    Failure,
    rejected_upstream,
    rejection_pause,
)
from token_service.domain.tokens import Account, CopilotToken

# What two clocks may differ in about one moment; two failures in a row are further apart.
SAME_SECONDS = 0.25


@dataclass(frozen=True)
class Held:
    """What is known of an account: its newest token, and what went wrong since.

    failure      of the last attempt, if that failed
    rejected_at  monotonic seconds at which upstream was said to refuse this very token
    strikes      how many tokens in a row upstream refused, this one included
    """

    token: CopilotToken | None = None
    failure: Failure | None = None
    rejected_at: float | None = None
    strikes: int = 0

    def living(self, now: float) -> CopilotToken | None:
        """The token if it still works at monotonic `now`, as far as anybody can tell."""
        token = self.token
        return None if token is None or _is_over(token, now) or self.is_barred else token

    def is_rejected(self, token_id: str) -> bool:
        """Whether that is the token's id, and upstream was said to refuse it."""
        is_current = self.token is not None and self.token.token_id == token_id
        return is_current and self.rejected_at is not None

    @property
    def is_barred(self) -> bool:
        """Whether upstream refused too many in a row for this one to be given any more."""
        return self.rejected_at is not None and self.strikes >= MOST_STRIKES

    @property
    def paused_until(self) -> float:
        """Monotonic seconds before which no attempt may be made; minus infinity for none."""
        return max(self._failed_until, self._barred_until)

    def pause(self, now: float) -> float:
        """Seconds until an attempt may be made; 0 for at once."""
        return max(0.0, self.paused_until - now)

    def refusal(self, now: float) -> TokenServiceError | None:
        """What to tell a caller while the pause lasts; None when it is over."""
        if self.pause(now) <= 0:
            return None
        if self.failure is not None and self._failed_until >= self._barred_until:
            return self.failure.for_caller(now)
        return rejected_upstream(self.pause(now))

    @property
    def _failed_until(self) -> float:
        return self.failure.until if self.failure is not None else float("-inf")

    @property
    def _barred_until(self) -> float:
        if self.rejected_at is None or not self.is_barred:
            return float("-inf")
        return self.rejected_at + rejection_pause(self.strikes)


@dataclass(frozen=True)
class Claim:
    """An attempt to become the one who renews an account's token.

    granted  whether this process is the one, until it keeps a token, fails or releases
    held     the newest that anybody knows, looked at after the claim was granted
    """

    account: Account
    granted: bool
    held: Held


def newest(held: Held, found: Held, generation: int, now: float) -> Held:
    """Of two views of one account the one with the newer token; of the same one, the later.

    held: what this process knows; found: what lies in the shared place; generation: of the
    newest token there, which need not be one this process can use. A token that lives is not
    given up for one that does not, whatever their numbers. What both know keeps the time it has
    here: turned from another clock once more it would only be less exact.
    """
    mine, theirs = held.token, found.token
    if mine is None:
        is_silent = theirs is None and found.failure is None
        return held if is_silent else replace(found, failure=_same(held, found))
    if generation < mine.generation:
        return replace(held, failure=_later(held.failure, _same(held, found)))
    if theirs is None or (_is_over(theirs, now) and not _is_over(mine, now)):
        return replace(held, failure=_same(held, found))
    if theirs.generation > mine.generation:
        return found
    at = held.rejected_at if found.rejected_at is not None else None
    return Held(mine, _same(held, found), at or found.rejected_at, found.strikes)


def _is_over(token: CopilotToken, now: float) -> bool:
    return now - token.obtained >= token.life


def _later(one: Failure | None, other: Failure | None) -> Failure | None:
    """The one that lasts longer: nobody is to try before it is over."""
    known = [failure for failure in (one, other) if failure is not None]
    return max(known, key=lambda failure: failure.until, default=None)


def _same(held: Held, found: Held) -> Failure | None:
    """The failure that was found, as it is known here if it is."""
    ours, theirs = held.failure, found.failure
    if ours is None or theirs is None:
        return theirs
    is_same = (ours.attempts, ours.error.reason) == (theirs.attempts, theirs.error.reason)
    return ours if is_same and abs(ours.until - theirs.until) < SAME_SECONDS else theirs


def rejected(held: Held, token_id: str, now: float) -> Held:
    """What is known after upstream refused the token of that id, if it is still the current one.

    Repeated complaints about one token count once. A token that reached its renewal before
    anybody complained starts the count anew.
    """
    token = held.token
    if token is None or token.token_id != token_id or held.rejected_at is not None:
        return held
    before = 0 if lived(held, now) else held.strikes
    return Held(token, held.failure, rejected_at=now, strikes=before + 1)


def strikes_after(held: Held, now: float) -> int:
    """The count that a new token starts with, from what it replaces."""
    return 0 if lived(held, now) else held.strikes


def lived(held: Held, now: float) -> bool:
    """Whether the token reached the time of its renewal without a complaint."""
    token = held.token
    return (
        token is not None
        and held.rejected_at is None
        and now - token.obtained >= token.refresh_after
    )
