"""Fakes of the gateway's ports: tokens and events."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gateway.domain.budgets.holder import Holder
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.quotas import Quota
from gateway.domain.subjects import Subject
from gateway.domain.usage.record import UsageRecord
from gateway.ports.exchange import Exchange
from gateway.ports.tokens import AccountToken


@dataclass
class FakeTokens:
    """Gives every account a token for one address, or an error; `newer` after a complaint.

    errors: by account, before `error`, which is for all. urls: accounts that are elsewhere.
    """

    api_base_url: str
    error: GatewayError | None = None
    newer: str | None = None
    asked: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    errors: dict[str, GatewayError] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    on_ask: Callable[[], Awaitable[None]] | None = None
    """What happens while a token is waited for."""
    on_complaint: Callable[[], Awaitable[None]] | None = None
    """And while another one is."""

    async def get(self, account: str) -> AccountToken:
        self.asked.append(account)
        if self.on_ask is not None:
            await self.on_ask()
        error = self.errors.get(account, self.error)
        if error is not None:
            raise error
        return self._token(account, "the-token")

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        self.refused.append((account, token_id))
        if self.on_complaint is not None:
            await self.on_complaint()
        return None if self.newer is None else self._token(account, self.newer)

    def _token(self, account: str, value: str) -> AccountToken:
        return AccountToken(
            account=account,
            value=value,
            token_id=value,
            api_base_url=self.urls.get(account, self.api_base_url),
            headers={"Editor-Version": "copilot-gateway/test"},
        )


@dataclass
class RecordedEvents:
    """Keeps what happened."""

    started: list[Exchange] = field(default_factory=list)
    ended: list[Exchange] = field(default_factory=list)
    moves: list[tuple[str, str, Fault]] = field(default_factory=list)
    aside: list[tuple[Subject, float, Fault]] = field(default_factory=list)
    refusals: list[tuple[str, bool]] = field(default_factory=list)
    pauses: list[tuple[Subject, bool]] = field(default_factory=list)
    records: list[UsageRecord] = field(default_factory=list)
    over: list[tuple[Holder, str, bool]] = field(default_factory=list)
    quotas: list[tuple[str, tuple[Quota, ...]]] = field(default_factory=list)
    waiters: int = 0

    def request_started(self, exchange: Exchange) -> None:
        self.started.append(exchange)

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        self.ended.append(exchange)

    def waiting(self, group: str, change: int) -> None:
        self.waiters += change

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        self.moves.append((group, account, fault))

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        self.aside.append((subject, seconds, fault))

    def paused(self, subject: Subject, is_paused: bool) -> None:
        self.pauses.append((subject, is_paused))

    def recorded(self, record: UsageRecord, is_listed: bool) -> None:
        self.records.append(record)

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        self.over.append((holder, measure, is_shadow))

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        self.quotas.append((account, tuple(quotas)))

    def client_refused(self, platform: str, is_refused: bool) -> None:
        self.refusals.append((platform, is_refused))
