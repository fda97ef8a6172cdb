"""What lies in the shared store: a token and a failure as bytes, and what a token is bound to.

Values in, values out; sealing is an adapter's. Whatever cannot be read is a ValueError whose
text quotes nothing: a record holds a token.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from token_service.domain.credentials import CredentialKind, Strategy, classify
from token_service.domain.errors import (
    CredentialKindUnsupported,
    CredentialRejected,
    Draining,
    GitHubRateLimited,
    GitHubUnavailable,
    HostNotAllowed,
    InternalError,
    NoCopilotAccess,
    Overloaded,
    Reason,
    TokenServiceError,
)
from token_service.domain.failures import Failure
from token_service.domain.tokens import Account, AccountId, CopilotToken, next_generation

# Changes with the meaning of a record: a replica of another format finds nothing, and exchanges.
FORMAT = "copilot-token/1"
MICROSECONDS = 1_000_000
# A failure is GitHub's sentence and a few words; more was not written by us.
LONGEST_FAILURE = 4096

_ERRORS: dict[Reason, type[TokenServiceError]] = {
    kind.reason: kind
    for kind in (
        CredentialRejected,
        CredentialKindUnsupported,
        NoCopilotAccess,
        HostNotAllowed,
        GitHubRateLimited,
        GitHubUnavailable,
        Overloaded,
        Draining,
        InternalError,
    )
}


class RecordRefusal(StrEnum):
    """Why a record is not used; a closed set of labels."""

    UNKNOWN_KEY = "unknown_key"
    OTHER_CREDENTIAL = "other_credential"
    NOT_SEALED = "not_sealed"
    FORGED = "forged"


def bound_to(namespace: str, account: Account, generation: int, fingerprint: bytes) -> bytes:
    """What a record belongs to: it opens for nothing else.

    Every part is preceded by its length, so that no two lists of parts give the same bytes.
    fingerprint: of the credential, so that a token of a replaced one is not used any more.
    """
    parts = (
        FORMAT.encode(),
        namespace.encode(),
        account.id.encode(),
        str(generation).encode(),
        account.site.api_url.encode(),
        account.choice.value.encode(),
        fingerprint,
    )
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def may_be_shared(strategy: Strategy, value: str, is_sealed: bool) -> bool:
    """Whether a token may lie in the shared store.

    Under `direct` the token is the account's own credential, which never leaves this service
    (design §2, invariant 1); any other of GitHub's only sealed.
    """
    if strategy is Strategy.DIRECT:
        return False
    return is_sealed or classify(value) is CredentialKind.UNKNOWN


def numbered(stored: int, known: int, is_continuous: bool, wall: float, stride: int) -> int:
    """The generation of a new token (docs/decisions/0007).

    stored: the store's newest, 0 for none; known: the highest this process has seen;
    is_continuous: nothing written to the store since `stored` can be lost; wall: seconds since
    the epoch by the store's clock; stride: random, 0 to 1023.
    """
    if is_continuous and stored > 0 and stored >= known:
        return stored + 1
    return next_generation(max(stored, known), wall, stride)


# --- tokens -----------------------------------------------------------------------------------

_TEXTS = ("value", "token_id", "api_base_url", "sku")
_NUMBERS = ("life", "refresh_after", "expires_at")


def token_to_bytes(token: CopilotToken, obtained_at: int) -> bytes:
    """The token in full. obtained_at: microseconds by the store's clock. Holds a secret."""
    content: dict[str, Any] = {name: getattr(token, name) for name in (*_TEXTS, *_NUMBERS)}
    content |= {
        "strategy": token.strategy.value,
        "headers": dict(token.headers),
        "obtained_at": obtained_at,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def token_from_bytes(
    content: bytes, account: AccountId, generation: int, now: float, store_now: int
) -> CopilotToken:
    """The token, its age turned from the store's clock to ours.

    now: monotonic seconds at a time no later than the store's `store_now`, in microseconds.
    Raises ValueError.
    """
    fields = _object(content)
    texts = {name: _of_type(fields, name, str) for name in _TEXTS}
    numbers = {name: float(_of_type(fields, name, int, float)) for name in _NUMBERS}
    age = max(0.0, (store_now - _of_type(fields, "obtained_at", int)) / MICROSECONDS)
    return CopilotToken(
        account=account,
        generation=generation,
        strategy=Strategy(_of_type(fields, "strategy", str)),
        headers=_pairs(_of_type(fields, "headers", dict)),
        obtained=now - age,
        life=numbers["life"],
        refresh_after=numbers["refresh_after"],
        expires_at=numbers["expires_at"],
        **texts,
    )


# --- failures ---------------------------------------------------------------------------------


def failure_to_bytes(failure: Failure, fingerprint: bytes) -> bytes:
    """What every replica may tell its callers; the operator's detail stays where it arose."""
    error = failure.error
    return json.dumps(
        {
            "reason": error.reason.value,
            "message": error.message,
            "metadata": dict(error.metadata),
            "attempts": failure.attempts,
            "credential": fingerprint.hex(),
        },
        separators=(",", ":"),
    ).encode()


def failure_from_bytes(content: bytes, until: float, fingerprints: set[bytes]) -> Failure | None:
    """The failure, if it is one of the credential these fingerprints belong to.

    until: monotonic seconds. Raises ValueError.
    """
    if len(content) > LONGEST_FAILURE:
        raise ValueError("longer than a failure can be")
    fields = _object(content)
    if bytes.fromhex(_of_type(fields, "credential", str)) not in fingerprints:
        return None
    kind = _ERRORS.get(Reason(_of_type(fields, "reason", str)), InternalError)
    error = kind(
        _of_type(fields, "message", str), metadata=_pairs(_of_type(fields, "metadata", dict))
    )
    return Failure(error, max(1, _of_type(fields, "attempts", int)), until)


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _of_type(fields: Mapping[str, Any], name: str, *types: type) -> Any:
    value = fields.get(name)
    if not isinstance(value, types) or isinstance(value, bool):
        raise ValueError(f"no {name}")
    return value


def _pairs(value: Mapping[str, Any]) -> dict[str, str]:
    if not all(isinstance(text, str) for text in (*value, *value.values())):
        raise ValueError("not a mapping of texts")
    return dict(value)
