"""The use case: one attempt to have a newer token, agreed upon by all replicas.

Claims the account, looks again, exchanges while holding the claim, and hands the result to the
store; or follows the replica that has the claim until its result is there or it has vanished
(docs/decisions/0007). Which attempts to start, and who waits for them, is the broker's.
"""

import asyncio
from dataclasses import dataclass

from token_service.domain import failures, freshness, holding, leases
from token_service.domain.errors import GitHubUnavailable, InternalError, TokenServiceError
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.holding import Claim, Held
from token_service.domain.tokens import Account, AccountId, CopilotToken, Grant
from token_service.ports.clock import Chance, Clock
from token_service.ports.tokens import BrokerEvents, Source, TokenSource, TokenStore

# A follower is told of the result; where the message was lost it finds out this much later.
LOOK_AGAIN_SECONDS = 0.5
RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class Obtained:
    """A token, and whether another replica's work was waited for."""

    token: CopilotToken
    source: Source
    followed: bool = False


Outcome = Obtained | TokenServiceError


@dataclass(frozen=True)
class Limits:
    """How long an attempt may take, in seconds.

    exchange  of one exchange
    claim     after which a claim ends if its holder does not prolong it; longer than `exchange`
    """

    exchange: float
    claim: float = 15.0

    @property
    def follow(self) -> float:
        """A holder that lives is done by then, and the claim of one that died has ended."""
        return self.exchange + self.claim


class Renewal:
    """Makes attempts; the caller sees to it that there is one per account in this process."""

    def __init__(
        self,
        source: TokenSource,
        store: TokenStore,
        clock: Clock,
        chance: Chance,
        events: BrokerEvents,
        policy: FreshnessPolicy,
        limits: Limits,
    ) -> None:
        self._source = source
        self._store = store
        self._clock = clock
        self._chance = chance
        self._events = events
        self._policy = policy
        self._limits = limits
        self._took: dict[AccountId, float] = {}

    def exchange_seconds(self, account: AccountId) -> float | None:
        """How long the account's last exchange by this process took; None when there was none."""
        return self._took.get(account)

    def forget(self, account: AccountId) -> None:
        """The account is not there any more."""
        self._took.pop(account, None)

    async def attempt(self, account: Account, known: int) -> Outcome:
        """One attempt, whichever way it ends as a value.

        known: the generation those who wait already have; a later one, kept by somebody else
        in the meantime, is as good as an exchange.
        """
        try:
            return await self._attempt(account, known)
        except Exception as bug:
            return self._crashed(account, bug)

    async def _attempt(self, account: Account, known: int) -> Outcome:
        deadline = self._clock.monotonic() + self._limits.follow
        followed = False
        while followed is False or self._clock.monotonic() < deadline:
            claim = await self._store.claim(account)
            outcome = self._found(claim.held, known, followed)
            if outcome is not None:
                await self._leave(claim)
                return outcome
            if claim.granted:
                if followed:
                    self._events.took_over(account.id)
                outcome = await self._exchange(claim)
                if outcome is not None:
                    return outcome
            followed = True
            await self._store.changed(account, LOOK_AGAIN_SECONDS)
        return GitHubUnavailable("another replica has not done with it", retry_after=RETRY_SECONDS)

    def _found(self, held: Held, known: int, followed: bool) -> Outcome | None:
        """What makes an exchange needless or forbids it, now that nobody else can begin one."""
        now = self._clock.monotonic()
        token = held.living(now)
        if token is not None and token.generation > known and held.rejected_at is None:
            return Obtained(token, "store", followed)
        refusal = held.refusal(now)
        if refusal is not None:
            return refusal
        if token is not None and not leases.may_try(held, now):
            return Obtained(token, "store", followed)
        return None

    async def _leave(self, claim: Claim) -> None:
        if claim.granted:
            await self._store.release(claim)

    # --- with the claim -----------------------------------------------------------------------

    async def _exchange(self, claim: Claim) -> Outcome | None:
        """The result; None when the claim was lost to a replica that is still at work."""
        before = self._clock.monotonic()
        try:
            grant = await self._obtain_holding(claim)
        except asyncio.CancelledError:
            # The others need not wait for the claim's end.
            await self._store.release(claim)
            raise
        if isinstance(grant, Grant) and self._clock.monotonic() - before >= grant.life:
            # This process stood still meanwhile; what others hold may well live.
            grant = GitHubUnavailable("GitHub's new token had ended before it came")
        if isinstance(grant, TokenServiceError):
            return await self._failed(claim, grant, before)
        # Known before the token is: its next renewal is planned as soon as it is kept.
        self._took[claim.account.id] = self._clock.monotonic() - before
        due = freshness.refresh_after(
            grant.life, grant.refresh_in, self._policy, self._chance.fraction()
        )
        token = await self._store.keep(claim, grant, before, due)
        seconds = self._clock.monotonic() - before
        if token is None or token.value != grant.value:
            self._events.superseded(claim.account.id, seconds)
            return None if token is None else Obtained(token, "store")
        self._events.exchanged(token, seconds)
        return Obtained(token, "exchange")

    async def _obtain_holding(self, claim: Claim) -> Grant | TokenServiceError:
        async with asyncio.TaskGroup() as tasks:
            held = tasks.create_task(self._hold(claim))
            try:
                return await self._obtain(claim.account)
            finally:
                held.cancel()

    async def _hold(self, claim: Claim) -> None:
        """Prolong the claim until cancelled; a lost one is noticed when the result is kept."""
        while True:
            await self._clock.sleep(self._limits.claim / 3)
            await self._store.extend(claim)

    async def _obtain(self, account: Account) -> Grant | TokenServiceError:
        try:
            async with asyncio.timeout(self._limits.exchange):
                return await self._source.obtain(account)
        except TimeoutError:
            return GitHubUnavailable("GitHub did not answer in time")
        except TokenServiceError as failed:
            return failed
        except Exception as bug:
            return self._crashed(account, bug)

    async def _failed(self, claim: Claim, error: TokenServiceError, before: float) -> Outcome:
        now = self._clock.monotonic()
        failure = failures.after(
            claim.held.failure,
            error,
            now,
            self._chance.fraction(),
            at_least=leases.pause_beyond_need(claim.held, now),
        )
        await self._store.fail(claim, failure)
        living = claim.held.living(now) is not None
        self._events.failed(claim.account.id, failure, now - before, living)
        return failure.for_caller(now)

    def _crashed(self, account: Account, bug: Exception) -> InternalError:
        self._events.attempt_crashed(account.id, bug)
        return InternalError("the token service failed; its log says more")


def generation_of(held: holding.Held) -> int:
    """The number of what is held; 0 for nothing."""
    return held.token.generation if held.token is not None else 0
