"""Who calls the RPC and which accounts each caller may use; values only, no secret among them.

Decides who is meant by what a caller presented and what that caller may do. Whether what was
presented is genuine is judged before: by TLS, by a digest, or by a signature.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple

from token_service.domain.errors import CallerUnauthenticated
from token_service.domain.rates import Rate

EVERY_ACCOUNT = "*"


class IdentityKind(StrEnum):
    """By what a caller is known; the words are the settings' own."""

    TOKEN_SHA256 = "token_sha256"  # noqa: S105  a setting's name
    SPIFFE_ID = "spiffe_id"
    DNS_SAN = "dns_san"
    SERVICE_ACCOUNT = "service_account"


_TOKEN = IdentityKind.TOKEN_SHA256


class Refusal(StrEnum):
    """Why a call was refused before any work was done for it: a closed set of labels."""

    CREDENTIAL_MISSING = "credential_missing"
    TOKEN_UNKNOWN = "token_unknown"  # noqa: S105  a label
    TOKEN_MALFORMED = "token_malformed"  # noqa: S105  a label
    TOKEN_FORGED = "token_forged"  # noqa: S105  a label
    TOKEN_EXPIRED = "token_expired"  # noqa: S105  a label
    TOKEN_NOT_YET_VALID = "token_not_yet_valid"  # noqa: S105  a label
    ISSUER_WRONG = "issuer_wrong"
    AUDIENCE_WRONG = "audience_wrong"
    KEY_UNKNOWN = "key_unknown"
    REVOKED = "revoked"
    CANNOT_VERIFY = "cannot_verify"
    CALLER_UNKNOWN = "caller_unknown"
    RATE = "rate"
    STREAMS = "streams"


# What the caller is told; nothing in it depends on what was presented beyond which check failed.
WORDS: dict[Refusal, str] = {
    Refusal.CREDENTIAL_MISSING: "present the caller's own credential",
    Refusal.TOKEN_UNKNOWN: "the token is not one of a caller's",
    Refusal.TOKEN_MALFORMED: "the token is not a JWT this service takes",
    Refusal.TOKEN_FORGED: "the token's signature is not its issuer's",
    Refusal.TOKEN_EXPIRED: "the token has expired; read its file again",
    Refusal.TOKEN_NOT_YET_VALID: "the token is not valid yet; compare the clocks",
    Refusal.ISSUER_WRONG: "the token is from another issuer than auth.issuer",
    Refusal.AUDIENCE_WRONG: "the token is not for this audience; ask for one for auth.audience",
    Refusal.KEY_UNKNOWN: "the token is signed with a key its issuer does not name",
    Refusal.REVOKED: "the cluster does not accept this token any more",
    Refusal.CANNOT_VERIFY: "the token cannot be verified at the moment",
    Refusal.CALLER_UNKNOWN: "this identity is not one of auth.callers",
}


def refused(why: Refusal, retry_after: float | None = None) -> CallerUnauthenticated:
    """The error for a caller that did not prove who it is. retry_after: as for every error."""
    return CallerUnauthenticated(WORDS[why], retry_after=retry_after, detail=why.value)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one caller may ask of one replica. None: no limit."""

    requests: Rate | None = None
    streams: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """One caller and what it may use.

    accounts        the accounts it names, `*` for every one whose strategy is not direct
    direct_allowed  whether a GitHub credential may be given over this listener at all
    """

    id: str
    accounts: frozenset[str]
    direct_allowed: bool
    limits: Limits = Limits()

    def may_use(self, account: str, credential_is_direct: bool) -> bool:
        """Whether it may use the account; a direct one only by name (design §2, invariant 1)."""
        if credential_is_direct:
            return self.direct_allowed and account in self.accounts
        return account in self.accounts or EVERY_ACCOUNT in self.accounts


@dataclass(frozen=True, slots=True)
class LocalCaller(Caller):
    """Whoever can connect, where nobody is asked who they are: on loopback only."""

    def may_use(self, account: str, credential_is_direct: bool) -> bool:
        """Everything: who can connect is a user of this machine."""
        return True


LOCAL_CALLER = LocalCaller("local", frozenset({EVERY_ACCOUNT}), direct_allowed=True)


class Presented(NamedTuple):
    """What came with a call, as proof of who calls.

    bearer      the token of `authorization: Bearer …`; None without one
    spiffe_ids  of the client certificate that TLS has verified
    dns_names   its DNS names; the common name is never looked at
    """

    bearer: str | None = None
    spiffe_ids: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Presented(spiffe_ids={self.spiffe_ids}, dns_names={self.dns_names})"


@dataclass(frozen=True)
class Directory:
    """The configured callers by their identities; tokens by their SHA-256 in hexadecimal."""

    tokens: Mapping[str, Caller]
    names: Mapping[tuple[IdentityKind, str], Caller]

    def named(self, kind: IdentityKind, value: str) -> Caller:
        """The caller with this identity. Raises CallerUnauthenticated."""
        caller = self.names.get((kind, value))
        if caller is None:
            raise refused(Refusal.CALLER_UNKNOWN)
        return caller

    def by_token(self, presented: Presented) -> Caller:
        """Mode tokens. Raises CallerUnauthenticated.

        Looked up by digest, so that the time it takes says nothing about the tokens.
        """
        if presented.bearer is None:
            raise refused(Refusal.CREDENTIAL_MISSING)
        caller = self.tokens.get(sha256(presented.bearer.encode()).hexdigest())
        if caller is None:
            raise refused(Refusal.TOKEN_UNKNOWN)
        return caller

    def by_certificate(self, presented: Presented) -> Caller:
        """Mode mtls: the SPIFFE id, else the DNS names. Raises CallerUnauthenticated.

        A certificate that several callers are known by is nobody's: which of them it means
        would depend on the order of its names.
        """
        names = [(IdentityKind.SPIFFE_ID, each) for each in presented.spiffe_ids]
        names += [(IdentityKind.DNS_SAN, each.lower()) for each in presented.dns_names]
        if not names:
            raise refused(Refusal.CREDENTIAL_MISSING)
        found = {caller.id: caller for name in names if (caller := self.names.get(name))}
        if len(found) != 1:
            raise refused(Refusal.CALLER_UNKNOWN)
        return next(iter(found.values()))


def directory(entries: Iterable[tuple[IdentityKind, str, Caller]]) -> Directory:
    """The directory of these callers. Identities are distinct: the settings have checked it."""
    known = {(kind, value): caller for kind, value, caller in entries}
    tokens = {value: each for (kind, value), each in known.items() if kind is _TOKEN}
    return Directory(tokens, known)
