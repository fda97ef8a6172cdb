"""token-service.yaml as a whole: its sections and their defaults.

Describes; does not act. Every field checks itself, and across judges what they have to do with
each other, so that one start names every problem.
"""

from typing import Any, Self

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import SettingsConfigDict

from runtime.configuration import Document, Section
from runtime.document_rules import judged
from runtime.logs import LogFormat, LogLevel
from runtime.tracing.destination import Protocol, destination
from token_service.settings import across
from token_service.settings.accounts import AccountSettings, CheckedAccount
from token_service.settings.callers import Auth
from token_service.settings.listener import Listen
from token_service.settings.store import Store
from token_service.settings.surroundings import Egress, GitHub
from token_service.settings.values import HeaderValue, Seconds, SomeSeconds


class Grpc(Section):
    """The RPC server."""

    reflection: bool = False
    max_connection_age_seconds: SomeSeconds = 300
    max_streams: int = Field(default=1000, ge=1, le=100_000)


class Identity(Section):
    """Who we say we are; null is copilot-gateway/<version>, and no integration id."""

    user_agent: HeaderValue | None = None
    editor_version: HeaderValue | None = None
    editor_plugin_version: HeaderValue | None = None
    integration_id: HeaderValue | None = None
    api_version: HeaderValue = "2025-04-01"


class Freshness(Section):
    """When tokens are renewed."""

    renew_before_seconds: Seconds = 300
    renew_jitter_seconds: Seconds = 30
    min_remaining_seconds: Seconds = 30
    idle_seconds: SomeSeconds = 3600


class Quotas(Section):
    """How often GitHub is asked for accounts' quotas, in minutes; 0: not at all."""

    poll_minutes: int = Field(default=15, ge=0, le=1440)


class Log(Section):
    """Log lines."""

    level: LogLevel = "info"
    format: LogFormat = "json"


class Tracing(Section):
    """Traces."""

    protocol: Protocol | None = None
    otlp_endpoint: str | None = None
    sample_ratio: float = Field(default=1.0, ge=0, le=1)

    @field_validator("otlp_endpoint")
    @classmethod
    def _is_an_endpoint(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            # Beside a protocol that cannot be read: the one that forbids nothing more.
            destination(value, info.data.get("protocol", "http/protobuf"))
        return value


class Settings(Document):
    """token-service.yaml."""

    model_config = SettingsConfigDict(env_prefix="TOKEN_SERVICE__")

    listen: Listen = Listen()
    grpc: Grpc = Grpc()
    store: Store = Store()
    github: GitHub = GitHub()
    egress: Egress = Egress()
    client_identity: Identity = Identity()
    accounts: tuple[AccountSettings, ...]
    freshness: Freshness = Freshness()
    quotas: Quotas = Quotas()
    auth: Auth = Auth()
    log: Log = Log()
    tracing: Tracing = Tracing()

    @field_validator("accounts")
    @classmethod
    def _some_account(cls, value: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        if not value:
            raise ValueError("at least one account is needed")
        return value

    @model_validator(mode="wrap")
    @classmethod
    def _fits_together(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Judge the values one by one and all together, and report all of it at once."""
        return judged(value, handler, across.problems)


class CheckedSettings(Settings):
    """token-service.yaml, as `--check` judges it."""

    accounts: tuple[CheckedAccount, ...]

    def summary(self) -> list[str]:
        """What the configuration comes to, for people; nothing secret."""
        return [
            f"listens on {self.listen.grpc} (gRPC) and {self.listen.ops} (ops)",
            f"{'TLS' if self.listen.tls.is_on else 'no TLS'}; {self.auth.summary()}",
            f"store {self.store.url}, GitHub at {self.github.api_url}",
            *(f"account {account.id}: {account.summary()}" for account in self.accounts),
        ]
