"""Which class stands for which setting: for bootstrap.py alone. Opens and starts nothing."""

import random  # noqa: TID251  the one place: it only spreads replicas' attempts in time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.shared_state import State, state_of
from gateway.adapters.token_provider import ClientTokenProvider, open_token_provider
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.domain.jwt_checks import Expected
from gateway.domain.jwt_claims import CallerRules
from gateway.ports.clock import Clock
from gateway.ports.exchange import Tracing
from gateway.settings.auth import Jwt
from gateway.settings.broker import TokenService
from gateway.settings.document import Limits, Settings
from gateway.settings.document import Tracing as TracingSettings
from gateway.settings.surroundings import Egress
from gateway.tokens import JwtCallers
from runtime.clock import SystemClock
from runtime.configuration import read_secret
from runtime.tracing.destination import destination
from runtime.urls import host_of
from runtime.valkey.server import Place

if TYPE_CHECKING:
    from gateway.adapters.traced_calls import TracedCalls
    from runtime.jwks.places import KeysAtUrl, KeysInFile
    from runtime.jwks.ring import KeyRing

AFTER_THE_DEADLINE_SECONDS = 5.0


@dataclass(frozen=True)
class Traces:
    """What traces a gateway; none of it is loaded where nothing is traced."""

    requests: Tracing
    calls: "TracedCalls"
    lost: Callable[[], int]
    close: Callable[[], None]
    """Sends the last spans. Blocks, bounded."""


def traces_of(section: TracingSettings) -> Traces | None:
    """As `tracing` says; None without an endpoint."""
    if section.otlp_endpoint is None:
        return None
    # A quarter of a second and 20 MB, which only those pay who want it.
    from gateway.adapters.spans import RequestSpans
    from gateway.adapters.traced_calls import TracedCalls
    from runtime.tracing.tracer import Tracer

    tracer = Tracer(
        "copilot-gateway",
        destination(section.otlp_endpoint, section.protocol, section.sample_ratio),
    )
    return Traces(
        RequestSpans(tracer), TracedCalls(tracer), lambda: tracer.sending.lost, tracer.close
    )


def token_provider_of(
    section: TokenService, traces: Traces | None = None
) -> AbstractAsyncContextManager[ClientTokenProvider]:
    """The broker's tokens."""
    return open_token_provider(
        section.target,
        ca_file=section.tls.ca_file,
        cert_file=section.tls.cert_file,
        key_file=section.tls.key_file,
        token_file=section.token_file,
        interceptors=() if traces is None else (traces.calls,),
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


@dataclass(frozen=True)
class TokenCallers:
    """Callers by their JWTs, and what keeps the issuer's keys current while the gateway runs."""

    callers: JwtCallers
    ring: "KeyRing"


def token_callers_of(
    settings: Settings, rules: CallerRules, clock: SystemClock, events: LoggedEvents
) -> TokenCallers | None:
    """As `auth.jwt` says; None where there is none."""
    jwt = settings.auth.jwt
    if jwt is None:
        return None
    # An HTTP client and the verification of signatures: for those who want them.
    from gateway.adapters.jwt_tokens import JwtTokens
    from runtime.jwks.ring import KeyRing

    ring = KeyRing(_keys_of(jwt, settings.egress), clock, events)
    expected = Expected(jwt.issuer, jwt.audience, jwt.leeway_seconds)
    verifier = JwtTokens(ring, expected, jwt.algorithms, clock)
    return TokenCallers(JwtCallers(verifier, rules), ring)


def _keys_of(jwt: Jwt, egress: Egress) -> "KeysAtUrl | KeysInFile":
    from runtime.jwks.places import KeysAtUrl, KeysInFile, is_in_cluster

    if jwt.jwks_file is not None:
        return KeysInFile(jwt.jwks_file)
    url = jwt.jwks_url or ""
    # No proxy of the way out leads into the cluster, or to what is private by name.
    is_inside = is_in_cluster(url) or host_of(url) in egress.private_hosts
    proxy_url = None if is_inside else egress.proxy_url
    return KeysAtUrl(url, proxy_url, jwt.ca_file or egress.ca_file)
