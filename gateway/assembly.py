"""Which class stands for which setting: for bootstrap.py alone. Opens and starts nothing."""

import random  # noqa: TID251  the one place: it only spreads replicas' attempts in time
from contextlib import AbstractAsyncContextManager

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.http_upstream import Deadlines
from gateway.adapters.shared_state import State, state_of
from gateway.adapters.token_provider import ClientTokenProvider, open_token_provider
from gateway.ports import Clock
from gateway.settings.broker import TokenService
from gateway.settings.document import Limits, Settings
from runtime.configuration import read_secret
from runtime.valkey.server import Place

AFTER_THE_DEADLINE_SECONDS = 5.0


def token_provider_of(section: TokenService) -> AbstractAsyncContextManager[ClientTokenProvider]:
    """The broker's tokens."""
    return open_token_provider(
        section.target,
        ca_file=section.tls.ca_file,
        cert_file=section.tls.cert_file,
        key_file=section.tls.key_file,
        token_file=section.token_file,
    )


def deadlines_of(limits: Limits) -> Deadlines:
    """Of one attempt upstream: the request's own deadline comes first, and says so."""
    total = limits.total_seconds + AFTER_THE_DEADLINE_SECONDS
    return Deadlines(first_byte=limits.first_byte_seconds, total=total)


def place_of(settings: Settings) -> Place | None:
    """Where the shared store is; None when there is only this process."""
    store = settings.store
    if not store.is_shared:
        return None
    return Place(
        store.url,
        str(store.ca_file) if store.ca_file is not None else None,
        read_secret(store.password_file) if store.password_file is not None else None,
    )


def shared_state_of(settings: Settings, clock: Clock, events: LoggedEvents) -> State:
    """What replicas share, or this process's own."""
    return state_of(
        place_of(settings),
        namespace=settings.store.namespace,
        lease_seconds=settings.slots.lease_seconds,
        clock=clock,
        fraction=random.random,
        events=events,
    )
