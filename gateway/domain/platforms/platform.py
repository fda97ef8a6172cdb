"""What makes one upstream different from another, as a value. Knows none of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.domain.headers import Outgoing, Standing
from gateway.domain.protocols import Protocol
from gateway.domain.refusals import Row


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of upstream: what it serves, how it is spoken to, and what its refusals mean."""

    name: str
    """The word in the configuration and on the board."""
    paths: Mapping[Protocol, str]
    """Behind an account's base URL; a protocol without one is not served."""
    standing: Callable[[Outgoing], Standing]
    """The headers that requests with one token have in common."""
    from_caller: Callable[[Mapping[str, str], Protocol], dict[str, str]]
    """Those of a caller's that cross, from a closed list; for upstream's protocol."""
    rows: tuple[Row, ...] = ()
    """What its refusals mean where that differs from upstream_errors.ROWS."""
    own_key: bool = False
    """Whether accounts bring their base URL and key in the configuration; else the broker does."""
    names_endpoints: bool = False
    """Whether its model list says which endpoints serve a model."""
    fits: bool = False
    """Whether requests are made to fit it by domain/fitting.py."""
    has_client_breaker: bool = False
    """Whether it can refuse this client as such, whatever the account."""
