"""The section `keys`: the company's own API keys, by their digests."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator

from gateway.settings.groups import Budget
from gateway.settings.values import Count, Identifier, Sha256
from runtime.configuration import Section


class Rate(Section):
    """How much may be asked in a minute."""

    requests_per_minute: Count | None = None
    tokens_per_minute: Count | None = None


class KeySettings(Section):
    """One key."""

    id: Identifier
    sha256: Sha256 = Field(repr=False)
    group: str
    account: str | None = None
    expires_at: datetime | None = None
    max_concurrency: Count | None = None
    max_waiting: Annotated[int, Field(ge=0, le=10_000)] = 20
    may_mark_agent: bool = False
    rate: Rate = Rate()
    budget: Budget | None = None

    @field_validator("expires_at")
    @classmethod
    def _with_zone(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("needs a time zone, such as 2027-01-31T00:00:00Z")
        return value
