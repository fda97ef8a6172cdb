"""Who may call the RPC, and which accounts each caller may use; the section `auth`.

Each field judges itself; across_callers judges them with each other, with the listener and with
the accounts, so that one start names every problem.
"""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from runtime.configuration import Section
from token_service.domain import callers as domain
from token_service.domain.callers import Directory, IdentityKind, directory
from token_service.domain.rates import Rate
from token_service.settings.listener import Listen
from token_service.settings.values import (
    AccountName,
    CaFile,
    ReadableFile,
    SecretFile,
    SecureUrl,
)

Mode = Literal["none", "tokens", "mtls", "kubernetes"]
# Which identities a mode can establish.
KINDS: dict[Mode, frozenset[IdentityKind]] = {
    "none": frozenset(),
    "tokens": frozenset({IdentityKind.TOKEN_SHA256}),
    "mtls": frozenset({IdentityKind.SPIFFE_ID, IdentityKind.DNS_SAN}),
    "kubernetes": frozenset({IdentityKind.SERVICE_ACCOUNT}),
}
# A caller that was quiet may ask this many seconds' worth at once: a fleet's start is no attack.
BURST_SECONDS = 5.0
# A client of ours holds one; a simpler one may hold one for each of 5,000 accounts, in a dozen
# processes that after a restart all come to the same replica.
MOST_STREAMS = 100_000
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SpiffeId = Annotated[
    str, Field(pattern=r"^spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+$", max_length=2048)
]
DnsName = Annotated[str, Field(pattern=rf"^{_LABEL}(\.{_LABEL})*$", max_length=253)]
ServiceAccount = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}/[a-z0-9.-]{1,253}$")]
Account = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})$")]


class Caller(Section):
    """One caller. What it may use must be said."""

    id: AccountName
    token_sha256: Sha256 | None = None
    spiffe_id: SpiffeId | None = None
    dns_san: DnsName | None = None
    service_account: ServiceAccount | None = None
    requests_per_second: Annotated[float, Field(ge=0.1, le=1_000_000)] | None = None
    max_streams: Annotated[int, Field(ge=1, le=1_000_000)] | None = MOST_STREAMS
    accounts: tuple[Account, ...]

    @field_validator("accounts")
    @classmethod
    def _are_some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name the accounts it may use, or * for all that are not direct")
        return value

    @property
    def identities(self) -> dict[IdentityKind, str]:
        """What it is known by; exactly one in a valid configuration."""
        given = {kind: getattr(self, kind.value) for kind in IdentityKind}
        return {kind: value for kind, value in given.items() if value is not None}


class Auth(Section):
    """Who may call."""

    mode: Mode = "none"
    audience: Annotated[str, Field(pattern=r"^[!-~]{1,256}$")] = "token-service"
    issuer: Annotated[str, Field(pattern=r"^[!-~]{1,1024}$")] | None = None
    jwks_url: SecureUrl | None = None
    jwks_file: ReadableFile | None = None
    token_review_url: SecureUrl | None = None
    ca_file: CaFile | None = None
    token_file: SecretFile | None = None
    callers: tuple[Caller, ...] = ()

    def summary(self) -> str:
        """How callers are known, in words."""
        if self.mode == "none":
            return "callers are not authenticated"
        return f"callers known by {self.mode}: {', '.join(each.id for each in self.callers)}"


def directory_of(auth: Auth, listen: Listen) -> Directory:
    """The callers by their identities, with what each may use over this listener."""
    return directory(
        (kind, value, _caller(each, listen.is_private))
        for each in auth.callers
        for kind, value in each.identities.items()
    )


def _caller(caller: Caller, direct_allowed: bool) -> domain.Caller:
    per_second = caller.requests_per_second
    rate = Rate(per_second, max(1.0, per_second * BURST_SECONDS)) if per_second else None
    limits = domain.Limits(rate, caller.max_streams)
    return domain.Caller(caller.id, frozenset(caller.accounts), direct_allowed, limits)
