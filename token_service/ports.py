"""What the use cases need from outside, in their own words.

A port says what may be raised and what waits; who provides it is bootstrap's business.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

from token_service.domain.answers import Answer
from token_service.domain.callers import Caller, Presented, Refusal
from token_service.domain.failures import Failure
from token_service.domain.holding import Claim, Held
from token_service.domain.quotas import Reading
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import Account, AccountChanges, AccountId, CopilotToken, Grant

Source = Literal["memory", "store", "exchange", "stale"]


class Clock(Protocol):
    """Time. Durations are measured by `monotonic` only."""

    def now(self) -> float:
        """Seconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Chance(Protocol):
    """Randomness."""

    def fraction(self) -> float:
        """Uniform in [0, 1): spreads renewals and retries."""
        ...

    def token_id(self) -> str:
        """An identifier that nobody can guess and nothing had before."""
        ...


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


class QuotaSource(Protocol):
    """Asks GitHub for accounts' quotas."""

    def covers(self, account: Account) -> bool:
        """Whether it can be asked for this account's: its credential is one to be exchanged."""
        ...

    async def ask(self, account: Account) -> Reading:
        """One request. Ends within the configured time; raises nothing."""
        ...


class QuotaTurns(Protocol):
    """Whose turn it is to ask for an account's quotas, over all replicas."""

    async def take(self, account: Account, seconds: float) -> float:
        """0 when it is this process's turn from now on for so long; else the seconds until it
        may be. Bounded in time, raises nothing: with the shared place down it is one's own.
        """
        ...


class QuotaEvents(Protocol):
    """What is known of accounts' quotas, for metrics and logs. None of these waits or raises."""

    def quotas_polled(self, account: AccountId, reading: Reading) -> None:
        """GitHub was asked, and this came of it."""
        ...

    def quotas_left(self, account: AccountId) -> None:
        """This process has nothing to say of the account's: another replica has, or nobody uses
        the account."""
        ...

    def quota_poll_crashed(self, account: AccountId, error: Exception) -> None:
        """A poll met a bug; `quotas_polled` follows."""
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


class RpcEvents(Protocol):
    """What happened to a call, for metrics and logs. None of these waits or raises."""

    def call_crashed(self, method: str, error: Exception) -> None:
        """A call ended in a bug."""
        ...

    def caller_refused(self, why: Refusal) -> None:
        """A call was refused before its method ran."""
        ...


class CallMeter(Protocol):
    """Counts and times every call. labels: unary or server_stream, service, method."""

    def started(self, labels: tuple[str, str, str]) -> None:
        """A call came in."""
        ...

    def ended(self, labels: tuple[str, str, str], code: str, seconds: float) -> None:
        """It ended with this status code's name."""
        ...


class CallerEvents(Protocol):
    """What happened to the means by which callers are known. None of these waits or raises."""

    def certificates_loaded(self, expires_at: float) -> None:
        """The listener shows a new certificate; expires_at: seconds since the epoch."""
        ...

    def certificates_refused(self, explanation: str) -> None:
        """The listener's files cannot be used as they are; it keeps what it had."""
        ...

    def issuer_answered(self, keys: int) -> None:
        """The keys of callers' tokens were read anew; how many there are now."""
        ...

    def issuer_failed(self, explanation: str) -> None:
        """The keys, or the review of a token, could not be had; what is known still counts."""
        ...


class ConfigurationEvents(Protocol):
    """What became of reading the configuration again. None of these waits or raises."""

    def reloaded(self, changes: AccountChanges, accounts: Collection[AccountId]) -> None:
        """It is in force; accounts: all that there are now."""
        ...

    def reload_refused(self, problems: Sequence[str]) -> None:
        """It has problems; what was in force stays."""
        ...

    def reload_crashed(self, error: Exception) -> None:
        """Reading it met a bug; what was in force stays."""
        ...

    def restart_needed(self, settings: Sequence[str]) -> None:
        """These settings have changed, and only a restart would take them over."""
        ...


class Authenticator(Protocol):
    """Finds out who calls."""

    async def identify(self, presented: Presented) -> Caller:
        """The caller. Raises CallerUnauthenticated.

        Called for every call: it waits only for what was never seen before, and within a bound.
        """
        ...


class Audit(Protocol):
    """Who was given what, and who was not. None of these waits or raises; nothing is secret."""

    def granted(
        self, caller: str, method: str, account: str, token_id: str, generation: int
    ) -> None:
        """A call was answered; the empty string or 0 for what the method does not have."""
        ...

    def refused(self, caller: str, method: str, account: str, reason: str) -> None:
        """A call was refused; caller is empty when nobody knows who it was."""
        ...


class GitHub(Protocol):
    """GitHub over HTTP.

    All raise GitHubUnavailable when there is no answer at all; every answer is returned,
    redirects included. All end within the configured time.
    """

    async def get(self, url: str, headers: dict[str, str]) -> Answer:
        """One GET."""
        ...

    async def post_form(self, url: str, fields: dict[str, str]) -> Answer:
        """One POST of a form, asking for JSON."""
        ...

    async def post_json(
        self, url: str, headers: dict[str, str], content: Mapping[str, Any]
    ) -> Answer:
        """One POST of a JSON object."""
        ...
