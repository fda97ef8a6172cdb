"""Tokens: where they come from, where they are remembered, and what happened to them."""

from collections.abc import Callable
from typing import Literal, Protocol

from token_service.domain.failures import Failure
from token_service.domain.holding import Claim, Held
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import Account, AccountId, CopilotToken, Grant

Source = Literal["memory", "store", "exchange", "stale"]


class TokenSource(Protocol):
    """Obtains a token for an account, by whatever strategy the account has."""

    async def obtain(self, account: Account) -> Grant:
        """A new token. Raises TokenServiceError; anything else is a bug.

        It may be cancelled at any time. The caller bounds how long it takes.
        """
        ...


class TokenStore(Protocol):
    """Remembers each account's newest token and what went wrong since, for all replicas.

    No method raises because the shared place is down: it then stands for this process alone.
    All but the four that look into memory wait, each for a bounded time.
    """

    @property
    def is_alone(self) -> bool:
        """Whether this process knows nothing of others at the moment, though it should."""
        ...

    def held(self, account: AccountId) -> Held:
        """What this process knows, living or not. On the path of every call."""
        ...

    def on_change(self, listener: Callable[[AccountId], None]) -> None:
        """Call `listener` whenever `held` answers something new, and when `is_alone` changes."""
        ...

    def look_soon(self, account: Account) -> None:
        """Learn before long what others know, and from then on what they change."""
        ...

    async def load(self, account: Account) -> Held:
        """The newest that anybody knows. It is what `held` answers from then on."""
        ...

    async def claim(self, account: Account) -> Claim:
        """Try to become the one who renews; look again in the same step."""
        ...

    async def extend(self, claim: Claim) -> None:
        """Hold on to a granted claim; harmless when it was lost."""
        ...

    async def release(self, claim: Claim) -> None:
        """Give a granted claim up without a result."""
        ...

    async def changed(self, account: Account, seconds: float) -> None:
        """Wait until somebody reports on the account, or for that long."""
        ...

    async def keep(
        self, claim: Claim, grant: Grant, obtained: float, refresh_after: float
    ) -> CopilotToken | None:
        """Number the token, make it the account's newest, forget the failure, end the claim.

        Generations strictly increase per account. obtained: monotonic, before it was asked for.
        Returns the account's newest token, which is another's if the claim was lost to it; None
        if the claim was lost to one who is still at work.
        """
        ...

    async def fail(self, claim: Claim, failure: Failure) -> None:
        """Remember the failure beside the token, which stays, and end the claim."""
        ...

    async def reject(self, account: Account, token_id: str) -> Held:
        """Upstream refused the token of that id: no effect unless it is the newest."""
        ...

    def pardon(self, account: AccountId) -> None:
        """Its credential is another now: what went wrong with the old one does not count."""
        ...

    def drop(self, account: AccountId) -> None:
        """Know nothing of it any more in this process; a newer token may still be found."""
        ...

    async def forget(self, account: Account) -> None:
        """Drop what is known here and in the shared place."""
        ...


class BrokerEvents(Protocol):
    """What happened, for metrics and logs. None of these waits or raises."""

    def served(self, account: AccountId, source: Source) -> None:
        """A caller got a token."""
        ...

    def followed(self) -> None:
        """A caller waits for an exchange that another one caused."""
        ...

    def exchanged(self, token: CopilotToken, seconds: float) -> None:
        """An attempt gave a token."""
        ...

    def failed(self, account: AccountId, failure: Failure, seconds: float, living: bool) -> None:
        """An attempt failed; living: the account still has a token that works."""
        ...

    def attempt_crashed(self, account: AccountId, error: Exception) -> None:
        """An attempt ended in a bug."""
        ...

    def superseded(self, account: AccountId, seconds: float) -> None:
        """An attempt gave a token, but another replica's is newer."""
        ...

    def took_over(self, account: AccountId) -> None:
        """The replica that was at work on the account has vanished; this one goes on."""
        ...

    def rejected_upstream(
        self, account: AccountId, token_id: str, reason: str, strikes: int
    ) -> None:
        """A caller says that upstream refused a token; strikes: how many in a row it is."""
        ...


class StoreEvents(Protocol):
    """What happened to the shared store, for metrics and logs. None of these waits or raises."""

    def store_up(self, server: str) -> None:
        """It answers; server: its kind and version."""
        ...

    def store_down(self, explanation: str) -> None:
        """It does not; this process goes on alone."""
        ...

    def store_evicts(self, policy: str) -> None:
        """It is set up to drop keys when its memory is full, and therefore not used."""
        ...

    def record_refused(self, account: AccountId, why: RecordRefusal) -> None:
        """A record in it is not one that may be used."""
        ...
