"""The section `groups`: which accounts serve which keys, with which models.

Each value judges itself; what groups have to do with each other is judged in across.py.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gateway.settings.values import (
    Count,
    HttpUrl,
    Identifier,
    ModelName,
    ModelPattern,
    PlatformName,
    SecretFile,
)
from runtime.configuration import Section


class AccountSettings(Section):
    """One account of a group."""

    id: Identifier
    priority: int = 0
    weight: Count = 1
    max_concurrency: Count | None = None
    base_url: HttpUrl | None = None
    api_key_file: SecretFile | None = None


class Models(Section):
    """Which models a group may use, and by which other names."""

    aliases: Mapping[ModelPattern, ModelName] = Field(default_factory=dict)
    allow: tuple[ModelPattern, ...] = ("*",)


class Failover(Section):
    """When a group's request may move to another account."""

    max_switches: Annotated[int, Field(ge=0, le=20)] = 5
    on_quota: Literal["stop", "move"] = "stop"


class Budget(Section):
    """How much may be spent in a period."""

    period: Literal["day", "month"] = "month"
    requests: Count | None = None
    tokens: Count | None = None
    credits: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    shadow: bool = False
    when_unknown: Literal["allow", "refuse"] = "allow"


class GroupSettings(Section):
    """Keys that share accounts and rules."""

    id: Identifier
    platform: PlatformName = "copilot"
    accounts: tuple[AccountSettings, ...]
    models: Models = Models()
    failover: Failover = Failover()
    fallback_group: str | None = None
    budget: Budget | None = None

    @field_validator("accounts")
    @classmethod
    def _some_account(cls, value: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
        if not value:
            raise ValueError("needs an account")
        return value
