"""Fakes of the gateway's ports: tokens and events."""

from dataclasses import dataclass, field

from gateway.domain.errors import GatewayError
from gateway.ports import AccountToken, Exchange


@dataclass
class FakeTokens:
    """Gives every account a token for one address, or an error; `newer` after a complaint."""

    api_base_url: str
    error: GatewayError | None = None
    newer: str | None = None
    asked: list[str] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)

    async def get(self, account: str) -> AccountToken:
        self.asked.append(account)
        if self.error is not None:
            raise self.error
        return self._token(account, "the-token")

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        self.refused.append((account, token_id))
        return None if self.newer is None else self._token(account, self.newer)

    def _token(self, account: str, value: str) -> AccountToken:
        return AccountToken(
            account=account,
            value=value,
            token_id=value,
            api_base_url=self.api_base_url,
            headers={"Editor-Version": "copilot-gateway/test"},
        )


@dataclass
class RecordedEvents:
    """Keeps what happened."""

    started: list[Exchange] = field(default_factory=list)
    ended: list[Exchange] = field(default_factory=list)

    def request_started(self, exchange: Exchange) -> None:
        self.started.append(exchange)

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        self.ended.append(exchange)
