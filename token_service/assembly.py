"""The parts of the service as its settings want them.

Owns which class stands for which setting. Starts nothing and opens nothing: bootstrap does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx

from runtime.configuration import read_secret
from runtime.tracing.destination import destination
from runtime.valkey.server import Place
from runtime.version import VERSION
from token_service.adapters.callers.certificate_files import CertificateFiles
from token_service.adapters.callers.cluster import (
    KeysAtUrl,
    KeysInFile,
    TokenReviews,
    is_in_cluster,
)
from token_service.adapters.callers.key_ring import KeyRing
from token_service.adapters.callers.known import (
    CertificateHolders,
    Everyone,
    Register,
    TokenHolders,
)
from token_service.adapters.callers.service_accounts import ServiceAccounts
from token_service.adapters.github import HttpxGitHub, client
from token_service.adapters.quota_turns import OwnTurns, SharedTurns
from token_service.adapters.shared_store import SharedStore, StoreOptions, shared_store
from token_service.adapters.sources.chosen import StrategySource
from token_service.adapters.sources.exchange import ExchangeSource
from token_service.adapters.sources.github_app import GitHubAppSource
from token_service.adapters.sources.quotas import GitHubQuotas
from token_service.adapters.sources.ready_made import DirectSource, StaticSource
from token_service.domain.credentials import Strategy
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.identity import ClientIdentity
from token_service.domain.service_accounts import TokenRules
from token_service.domain.tokens import AccountId
from token_service.ports.calls import CallerEvents
from token_service.ports.clock import Chance, Clock
from token_service.ports.quotas import QuotaTurns
from token_service.ports.tokens import StoreEvents, TokenSource
from token_service.renewal import Limits
from token_service.rpc.admission import Admission
from token_service.rpc.identity import bearer, certificate, nothing
from token_service.rpc.tls import credentials
from token_service.settings.callers import directory_of
from token_service.settings.document import Settings
from token_service.settings.store import read_keys

PRODUCT = f"copilot-gateway/{VERSION}"
# An attempt is GitHub's time-out, and for a GitHub App the signing of its claims.
ATTEMPT_MARGIN_SECONDS = 2.0
# Of the issuer's keys and of a TokenReview, for which a caller waits.
CLUSTER_TIMEOUT_SECONDS = 5.0


def http_client_of(settings: Settings) -> httpx.AsyncClient:
    """The client that talks to GitHub."""
    ca_file = settings.egress.ca_file
    return client(
        settings.github.timeout_seconds,
        PRODUCT,
        settings.egress.proxy_url,
        str(ca_file) if ca_file is not None else None,
    )


def sources_of(
    settings: Settings, http: httpx.AsyncClient, clock: Clock
) -> dict[Strategy, StrategySource]:
    """Where tokens come from, by strategy."""
    github = HttpxGitHub(http, settings.github.timeout_seconds)
    identity = identity_of(settings)
    return {
        Strategy.EXCHANGE: ExchangeSource(github, identity, clock),
        Strategy.DIRECT: DirectSource(identity, clock),
        Strategy.GITHUB_APP: GitHubAppSource(github, identity, clock),
        Strategy.STATIC: StaticSource(identity, clock),
    }


@dataclass(frozen=True)
class Traces:
    """What traces the service; none of it is loaded where nothing is traced."""

    calls: grpc.aio.ServerInterceptor
    source: Callable[[TokenSource], TokenSource]
    lost: Callable[[], int]
    close: Callable[[], None]
    """Sends the last spans. Blocks, bounded."""


def traces_of(settings: Settings) -> Traces | None:
    """As `tracing` says; None without an endpoint."""
    section = settings.tracing
    if section.otlp_endpoint is None:
        return None
    # A quarter of a second and 20 MB, which only those pay who want it.
    from runtime.tracing.tracer import Tracer
    from token_service.adapters.sources.traced import TracedSource
    from token_service.rpc.traced_calls import TracedCalls

    tracer = Tracer(
        "token-service", destination(section.otlp_endpoint, section.protocol, section.sample_ratio)
    )
    return Traces(
        TracedCalls(tracer),
        lambda source: TracedSource(source, tracer),
        lambda: tracer.sending.lost,
        tracer.close,
    )


def identity_of(settings: Settings) -> ClientIdentity:
    """Who we say we are."""
    return ClientIdentity(product=PRODUCT, **settings.client_identity.model_dump())


def quota_source_of(
    settings: Settings, http: httpx.AsyncClient, credentials: Mapping[AccountId, str]
) -> GitHubQuotas:
    """Where accounts' quotas come from."""
    github = HttpxGitHub(http, settings.github.timeout_seconds)
    return GitHubQuotas(credentials, github, identity_of(settings))


def turns_of(store: SharedStore | None, chance: Chance) -> QuotaTurns:
    """Whose turn it is to ask for quotas."""
    return OwnTurns() if store is None else SharedTurns(store.link, chance.token_id())


def store_of(
    settings: Settings, clock: Clock, chance: Chance, events: StoreEvents
) -> SharedStore | None:
    """The fleet's store, or None where each process keeps its own memory."""
    store = settings.store
    if not store.is_shared:
        return None
    place = Place(
        url=store.url,
        ca_file=str(store.ca_file) if store.ca_file is not None else None,
        password=read_secret(store.password_file) if store.password_file is not None else None,
    )
    keys = read_keys(store.encryption_key_file) if store.encryption_key_file is not None else ()
    options = StoreOptions(place, store.namespace, keys, store.lock_ttl_seconds)
    return shared_store(options, clock, chance, events)


def limits_of(settings: Settings) -> Limits:
    """The seconds an attempt and a claim may last."""
    return Limits(
        exchange=settings.github.timeout_seconds + ATTEMPT_MARGIN_SECONDS,
        claim=settings.store.lock_ttl_seconds,
    )


def certificates_of(
    settings: Settings, clock: Clock, events: CallerEvents
) -> CertificateFiles | None:
    """The listener's certificates; None is plaintext."""
    tls = settings.listen.tls
    if tls.cert_file is None or tls.key_file is None:
        return None
    return CertificateFiles(tls.cert_file, tls.key_file, tls.client_ca_file, clock, events)


def tls_of(certificates: CertificateFiles | None) -> grpc.ServerCredentials | None:
    """What gRPC wants of them; reads the files."""
    return credentials(certificates.load(), certificates.changed) if certificates else None


@dataclass(frozen=True)
class Callers:
    """How callers are known, and what that needs while the service runs."""

    admission: Admission
    register: Register
    ring: KeyRing | None = None
    clients: tuple[httpx.AsyncClient, ...] = ()


def callers_of(settings: Settings, clock: Clock, events: CallerEvents) -> Callers:
    """Who may call, as `auth` says."""
    register = Register(directory_of(settings.auth, settings.listen))
    match settings.auth.mode:
        case "none":
            return Callers(Admission(nothing, Everyone(), clock), register)
        case "tokens":
            return Callers(Admission(bearer, TokenHolders(register), clock), register)
        case "mtls":
            return Callers(Admission(certificate, CertificateHolders(register), clock), register)
        case "kubernetes":
            return _cluster_callers(settings, register, clock, events)


def _cluster_callers(
    settings: Settings, register: Register, clock: Clock, events: CallerEvents
) -> Callers:
    auth, clients = settings.auth, []
    fetch: KeysAtUrl | KeysInFile
    reviews = None
    if auth.jwks_url is not None:
        clients.append(_cluster_client(settings, auth.jwks_url))
        fetch = KeysAtUrl(
            HttpxGitHub(clients[-1], CLUSTER_TIMEOUT_SECONDS), auth.jwks_url, auth.token_file
        )
    else:
        fetch = KeysInFile(auth.jwks_file or Path())
    if auth.token_review_url is not None:
        clients.append(_cluster_client(settings, auth.token_review_url))
        http = HttpxGitHub(clients[-1], CLUSTER_TIMEOUT_SECONDS)
        reviews = TokenReviews(http, auth.token_review_url, auth.token_file, auth.audience)
    ring = KeyRing(fetch, clock, events)
    rules = TokenRules(auth.issuer or "", auth.audience)
    accounts = ServiceAccounts(register, ring, rules, reviews, clock, events)
    return Callers(Admission(bearer, accounts, clock), register, ring, tuple(clients))


def _cluster_client(settings: Settings, url: str) -> httpx.AsyncClient:
    ca_file = settings.auth.ca_file or settings.egress.ca_file
    # No proxy of the way out leads to the cluster's own services.
    proxy_url = None if is_in_cluster(url) else settings.egress.proxy_url
    return client(
        CLUSTER_TIMEOUT_SECONDS, PRODUCT, proxy_url, str(ca_file) if ca_file is not None else None
    )


def policy_of(settings: Settings) -> FreshnessPolicy:
    """When a token is renewed."""
    return FreshnessPolicy(
        renew_before=settings.freshness.renew_before_seconds,
        renew_jitter=settings.freshness.renew_jitter_seconds,
        min_remaining=settings.freshness.min_remaining_seconds,
    )
