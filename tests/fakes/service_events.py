"""Everything the service reports, as lists to look at."""

from collections import Counter
from collections.abc import Collection, Sequence

from token_service.domain.callers import Refusal
from token_service.domain.failures import Failure
from token_service.domain.quotas import Reading
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import AccountChanges, AccountId, CopilotToken
from token_service.ports.tokens import Source


class FakeServiceEvents:
    """Remembers everything that was reported."""

    def __init__(self) -> None:
        self.sources: Counter[str] = Counter()
        self.followers = 0
        self.tokens: list[CopilotToken] = []
        self.failures: list[Failure] = []
        self.bugs: list[Exception] = []
        self.lost: list[AccountId] = []
        self.takeovers: list[AccountId] = []
        self.complaints: list[tuple[AccountId, str, int]] = []
        self.store: list[str] = []
        self.refused: list[tuple[AccountId, RecordRefusal]] = []
        self.turned_away: list[Refusal] = []
        self.means: list[str] = []
        self.reloads: list[AccountChanges] = []
        self.problems: list[tuple[str, ...]] = []
        self.restarts: list[tuple[str, ...]] = []
        self.calls: list[tuple[str, str]] = []
        self.polls: list[tuple[AccountId, Reading]] = []
        self.left: list[AccountId] = []

    def served(self, account: AccountId, source: Source) -> None:
        self.sources[source] += 1

    def followed(self) -> None:
        self.followers += 1

    def exchanged(self, token: CopilotToken, seconds: float) -> None:
        self.tokens.append(token)

    def failed(self, account: AccountId, failure: Failure, seconds: float, living: bool) -> None:
        self.failures.append(failure)

    def attempt_crashed(self, account: AccountId, error: Exception) -> None:
        self.bugs.append(error)

    def superseded(self, account: AccountId, seconds: float) -> None:
        self.lost.append(account)

    def took_over(self, account: AccountId) -> None:
        self.takeovers.append(account)

    def rejected_upstream(
        self, account: AccountId, token_id: str, reason: str, strikes: int
    ) -> None:
        self.complaints.append((account, token_id, strikes))

    def quotas_polled(self, account: AccountId, reading: Reading) -> None:
        self.polls.append((account, reading))

    def quotas_left(self, account: AccountId) -> None:
        self.left.append(account)

    def quota_poll_crashed(self, account: AccountId, error: Exception) -> None:
        self.bugs.append(error)

    def store_up(self, server: str) -> None:
        self.store.append("up")

    def store_down(self, explanation: str) -> None:
        self.store.append("down")

    def store_evicts(self, policy: str) -> None:
        self.store.append(f"evicts: {policy}")

    def record_refused(self, account: AccountId, why: RecordRefusal) -> None:
        self.refused.append((account, why))

    def reloaded(self, changes: AccountChanges, accounts: Collection[AccountId]) -> None:
        self.reloads.append(changes)

    def reload_refused(self, problems: Sequence[str]) -> None:
        self.problems.append(tuple(problems))

    def reload_crashed(self, error: Exception) -> None:
        self.bugs.append(error)

    def restart_needed(self, settings: Sequence[str]) -> None:
        self.restarts.append(tuple(settings))

    def caller_refused(self, why: Refusal) -> None:
        self.turned_away.append(why)

    def certificates_loaded(self, expires_at: float) -> None:
        self.means.append(f"certificates until {expires_at:.0f}")

    def certificates_refused(self, explanation: str) -> None:
        self.means.append(explanation)

    def issuer_answered(self, keys: int) -> None:
        self.means.append(f"{keys} keys")

    def issuer_failed(self, explanation: str) -> None:
        self.means.append(explanation)

    def started(self, labels: tuple[str, str, str]) -> None:
        self.calls.append((labels[2], "started"))

    def ended(self, labels: tuple[str, str, str], code: str, seconds: float) -> None:
        self.calls.append((labels[2], code))

    def call_crashed(self, method: str, error: Exception) -> None:
        self.bugs.append(error)
