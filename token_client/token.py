"""The token as a caller of the broker sees it. Values only; knows no gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from token_client.lifetime import Lifetime


@dataclass(frozen=True, slots=True)
class Token:
    """A Copilot bearer token and what is needed to use it."""

    account: str
    value: str = field(repr=False)
    """The secret: goes into `Authorization: Bearer` and nowhere else."""
    api_base_url: str
    """The only host that takes it; without a trailing slash."""
    headers: Mapping[str, str]
    """What upstream wants beside Authorization for this account."""
    token_id: str
    """Names the token without revealing it."""
    generation: int
    """Larger is newer, per account."""
    sku: str
    strategy: str
    lifetime: Lifetime


@dataclass(frozen=True, slots=True)
class Removed:
    """The account is no longer configured, or no longer the caller's to use."""

    account: str
