"""Who may call the RPC, and which accounts each caller may use; the section `auth`.

Each field judges itself with those before it, and `suits` judges the section with the listener
and the accounts, so that one start names every problem.
"""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from runtime.configuration import Section
from token_service.domain import callers as domain
from token_service.domain.callers import EVERY_ACCOUNT, Directory, IdentityKind, directory
from token_service.domain.rates import Rate
from token_service.settings.accounts import problem
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
NEEDS_TLS = (
    "off loopback tokens must not cross the network in clear: set listen.tls.cert_file and "
    "listen.tls.key_file, or listen.allow_plaintext if something else encrypts the connections"
)
NEEDS_CALLERS = (
    "off loopback callers must be authenticated, and nothing lifts that: set auth.mode to "
    "tokens, mtls or kubernetes, or listen on 127.0.0.1"
)
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
    """One caller. `accounts` is judged last: what it may use must be said."""

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
    """Who may call. The order of the fields matters: later ones are judged with earlier ones."""

    mode: Mode = "none"
    audience: Annotated[str, Field(pattern=r"^[!-~]{1,256}$")] = "token-service"
    issuer: Annotated[str, Field(pattern=r"^[!-~]{1,1024}$")] | None = Field(
        default=None, validate_default=True
    )
    jwks_url: SecureUrl | None = None
    jwks_file: ReadableFile | None = Field(default=None, validate_default=True)
    token_review_url: SecureUrl | None = None
    ca_file: CaFile | None = None
    token_file: SecretFile | None = None
    callers: tuple[Caller, ...] = Field(default=(), validate_default=True)

    def summary(self) -> str:
        """How callers are known, in words."""
        if self.mode == "none":
            return "callers are not authenticated"
        return f"callers known by {self.mode}: {', '.join(each.id for each in self.callers)}"

    @field_validator("issuer")
    @classmethod
    def _is_there_for_kubernetes(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("mode") == "kubernetes":
            raise ValueError("required with mode kubernetes: the issuer of the callers' tokens")
        return value

    @field_validator("jwks_file")
    @classmethod
    def _is_the_only_place_of_keys(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if info.data.get("mode") != "kubernetes" or "jwks_url" not in info.data:
            return value
        if (value is None) == (info.data["jwks_url"] is None):
            raise ValueError("mode kubernetes takes the issuer's keys from jwks_url or jwks_file")
        return value

    @field_validator("token_review_url")
    @classmethod
    def _belongs_to_kubernetes(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("mode", "kubernetes") != "kubernetes":
            raise ValueError("only mode kubernetes reviews tokens")
        return value

    @field_validator("callers")
    @classmethod
    def _are_known_in_this_mode(
        cls, value: tuple[Caller, ...], info: ValidationInfo
    ) -> tuple[Caller, ...]:
        if "mode" in info.data:
            problems = [*_unfit(value, info.data["mode"]), *_repeated(value)]
            if problems:
                raise ValueError("; ".join(problems))
        return value


def _unfit(callers: tuple[Caller, ...], mode: Mode) -> list[str]:
    if mode == "none":
        return ["mode none tells no callers apart; set auth.mode"] if callers else []
    if not callers:
        return [f"mode {mode} needs at least one caller"]
    fitting = " or ".join(sorted(KINDS[mode]))
    return [
        f"caller {caller.id} must have exactly one identity, {fitting}, with mode {mode}"
        for caller in callers
        if len(caller.identities) != 1 or not caller.identities.keys() <= KINDS[mode]
    ]


def _repeated(callers: tuple[Caller, ...]) -> list[str]:
    ids = [caller.id for caller in callers]
    known = [identity for caller in callers for identity in caller.identities.items()]
    problems = [
        f"two callers have the id {each}" for each in dict.fromkeys(ids) if ids.count(each) > 1
    ]
    if len(set(known)) < len(known):
        problems.append("two callers have the same identity")
    return problems


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


def suits(auth: Auth, before: Mapping[str, Any]) -> Auth:
    """The section with the sections before it. Raises ValidationError with every problem."""
    problems: list[str] = []
    if "listen" in before:
        problems += _unfit_for_the_listener(auth, before["listen"])
    if "accounts" in before:
        problems += _unfit_for_the_accounts(auth, before["accounts"])
        if "listen" in before:
            problems += _shown_in_clear(auth, before["listen"], before["accounts"])
    if problems:
        found = [problem("unsuitable", text, ()) for text in problems]
        raise ValidationError.from_exception_data("auth", found, hide_input=True)
    return auth


def _unfit_for_the_listener(auth: Auth, listen: Listen) -> Iterator[str]:
    if auth.mode == "none" and not listen.is_local:
        yield NEEDS_CALLERS
    if not listen.is_private and not listen.allow_plaintext:
        yield NEEDS_TLS
    if auth.mode == "mtls" and listen.tls.client_ca_file is None:
        yield "mode mtls needs listen.tls.client_ca_file: who issues the callers' certificates"


def _unfit_for_the_accounts(auth: Auth, accounts: Collection[Any]) -> list[str]:
    known = {account.id for account in accounts} | {EVERY_ACCOUNT}
    return [
        f"caller {caller.id} names {each}, which is not one of the accounts"
        for caller in auth.callers
        for each in caller.accounts
        if each not in known
    ]


def _shown_in_clear(auth: Auth, listen: Listen, accounts: Collection[Any]) -> list[str]:
    if listen.is_private:
        return []
    direct = {account.id for account in accounts if account.strategy == "direct"}
    return [
        f"caller {caller.id} may use {each}, whose GitHub credential would cross the network in "
        "clear (strategy direct): set listen.tls"
        for caller in auth.callers
        for each in caller.accounts
        if each in direct
    ]
