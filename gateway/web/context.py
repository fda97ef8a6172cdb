"""What every endpoint is given: the use cases and the values they work on."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.catalogue import Catalogue
from gateway.domain.api_keys import ApiKey
from gateway.domain.groups import Group
from gateway.ports import Clock, GatewayEvents
from gateway.relay import Relay


@dataclass(frozen=True, slots=True)
class Context:
    """Built once by bootstrap.py."""

    relay: Relay
    catalogue: Catalogue
    clock: Clock
    events: GatewayEvents
    keys: Mapping[str, ApiKey] = field(repr=False)
    """By the SHA-256 of the key."""
    groups: Mapping[str, Group]
    """By id."""
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose request it is."""

    key: ApiKey
    group: Group
