"""token-service.yaml as a whole: its sections and their defaults.

Describes; does not act. Every field checks itself, so that one start names every problem.
"""

from typing import Annotated, Any

from pydantic import Field, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_settings import SettingsConfigDict

from runtime.configuration import Document
from runtime.logs import LogFormat, LogLevel
from token_service.settings.accounts import AccountSettings, CheckedAccount, distinct
from token_service.settings.callers import Auth, suits
from token_service.settings.listener import Listen
from token_service.settings.not_yet import Part
from token_service.settings.store import Store, outlasts_exchange
from token_service.settings.values import (
    CaFile,
    HeaderValue,
    ProxyUrl,
    Seconds,
    SecureUrl,
    SomeSeconds,
)


class Grpc(Part):
    """The RPC server."""

    reflection: bool = False
    max_connection_age_seconds: SomeSeconds = 300
    max_streams: int = Field(default=1000, ge=1, le=100_000)


class GitHub(Part):
    """github.com, or what stands for it."""

    api_url: SecureUrl = "https://api.github.com"
    web_url: SecureUrl = "https://github.com"
    timeout_seconds: Annotated[float, Field(gt=0, le=120, allow_inf_nan=False)] = 10


class Egress(Part):
    """The way out."""

    proxy_url: ProxyUrl | None = None
    ca_file: CaFile | None = None


class Identity(Part):
    """Who we say we are; null is copilot-gateway/<version>, and no integration id."""

    user_agent: HeaderValue | None = None
    editor_version: HeaderValue | None = None
    editor_plugin_version: HeaderValue | None = None
    integration_id: HeaderValue | None = None
    api_version: HeaderValue = "2025-04-01"


class Freshness(Part):
    """When tokens are renewed."""

    renew_before_seconds: Seconds = 300
    renew_jitter_seconds: Seconds = 30
    min_remaining_seconds: Seconds = 30
    idle_seconds: SomeSeconds = 3600


class Quotas(Part):
    """How often GitHub is asked for accounts' quotas, in minutes; 0: not at all."""

    poll_minutes: int = Field(default=15, ge=0, le=1440)


class Log(Part):
    """Log lines."""

    level: LogLevel = "info"
    format: LogFormat = "json"


class Tracing(Part):
    """Traces."""

    path = "tracing"
    otlp_endpoint: str | None = None


class Settings(Document):
    """token-service.yaml."""

    model_config = SettingsConfigDict(env_prefix="TOKEN_SERVICE__")

    listen: Listen = Listen()
    grpc: Grpc = Grpc()
    store: Store = Store()
    github: GitHub = Field(default=GitHub(), validate_default=True)
    egress: Egress = Egress()
    client_identity: Identity = Identity()
    accounts: tuple[AccountSettings, ...]
    freshness: Freshness = Freshness()
    quotas: Quotas = Quotas()
    auth: Auth = Field(default=Auth(), validate_default=True)
    log: Log = Log()
    tracing: Tracing = Tracing()

    @field_validator("accounts", mode="wrap")
    @classmethod
    def _are_distinct(cls, value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        return distinct(value, handler)

    @field_validator("github")
    @classmethod
    def _is_outlasted_by_the_lock(cls, value: GitHub, info: ValidationInfo) -> GitHub:
        problem = outlasts_exchange(value.timeout_seconds, info.data.get("store"))
        if problem is not None:
            raise ValueError(f"timeout_seconds {problem}")
        return value

    @field_validator("auth")
    @classmethod
    def _suits_listener_and_accounts(cls, value: Auth, info: ValidationInfo) -> Auth:
        return suits(value, info.data)


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
