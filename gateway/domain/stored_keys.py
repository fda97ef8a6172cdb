"""A key as the database keeps it, and the ApiKey it comes to. Knows no database."""

from dataclasses import dataclass, field

from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.budgets.budget import Budget

MAX_OWNER_CHARACTERS = 200
SHOWN_DIGEST_CHARACTERS = 8
"""As much of a digest as anybody is shown: enough to tell two keys of one id apart."""
USUAL_MAX_WAITING = 20
"""As for a key of the configuration."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One row. Times are seconds since the epoch."""

    sha256: str = field(repr=False)
    id: str
    """Of several keys while one replaces the other."""
    group_id: str
    created_at: float
    created_by: str
    account_id: str | None = None
    owner: str = ""
    """Whose it is, in the operators' words."""
    expires_at: float | None = None
    revoked_at: float | None = None
    revoked_by: str = ""
    max_concurrency: int | None = None
    max_waiting: int = USUAL_MAX_WAITING
    may_mark_agent: bool = False
    rate: Rate | None = None
    budget: Budget | None = None
    number: int = 0
    """Of its last change."""

    @property
    def is_revoked(self) -> bool:
        """Whether it was taken back, for good."""
        return self.revoked_at is not None

    def is_valid(self, now: float) -> bool:
        """Whether a caller may use it at this time."""
        return not self.is_revoked and (self.expires_at is None or now < self.expires_at)

    def api_key(self) -> ApiKey:
        """What a request is judged by, unless it is revoked."""
        return ApiKey(
            id=self.id,
            group=self.group_id,
            account=self.account_id,
            expires_at=self.expires_at,
            may_mark_agent=self.may_mark_agent,
            max_concurrency=self.max_concurrency,
            max_waiting=self.max_waiting,
            sha256=self.sha256,
            budget=self.budget,
            rate=self.rate,
        )
