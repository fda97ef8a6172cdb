"""What the claims of a Kubernetes service account's token say, once its signature is verified.

Pure: the time is an argument. Every claim is checked here and none by the library that checks
signatures, so that one table says what is asked of a token. The form of the claims is that of
projected service account tokens (bound tokens; `sub` is the account).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from token_service.domain.callers import Refusal, refused

# Clocks of a cluster's machines differ by less.
LEEWAY_SECONDS = 60.0
# As in the setting, with the prefix that Kubernetes gives users that are service accounts.
_SUBJECT = re.compile(r"system:serviceaccount:([a-z0-9.-]{1,63}):([a-z0-9.-]{1,253})")


@dataclass(frozen=True)
class TokenRules:
    """Which tokens count: from this issuer, for this audience."""

    issuer: str
    audience: str


@dataclass(frozen=True)
class Verified:
    """A service account as `namespace/name`, and until when its token holds.

    expires_at: seconds since the epoch, leeway included.
    """

    service_account: str
    expires_at: float


def judge(claims: Mapping[str, Any], rules: TokenRules, now: float) -> Verified:
    """Whose token it is. Raises CallerUnauthenticated. now: seconds since the epoch."""
    if claims.get("iss") != rules.issuer:
        raise refused(Refusal.ISSUER_WRONG)
    audience = claims.get("aud")
    if rules.audience not in ((audience,) if isinstance(audience, str) else _list(audience)):
        raise refused(Refusal.AUDIENCE_WRONG)
    expires_at = _moment(claims, "exp", required=True) + LEEWAY_SECONDS
    if now >= expires_at:
        raise refused(Refusal.TOKEN_EXPIRED)
    if now < _moment(claims, "nbf") - LEEWAY_SECONDS:
        raise refused(Refusal.TOKEN_NOT_YET_VALID)
    return Verified(_account(claims), expires_at)


def account_of(username: Any) -> str | None:
    """`namespace/name` of what Kubernetes calls the user; None if it is no service account."""
    match = _SUBJECT.fullmatch(username) if isinstance(username, str) else None
    return f"{match[1]}/{match[2]}" if match else None


def _account(claims: Mapping[str, Any]) -> str:
    account = account_of(claims.get("sub"))
    if account is None:
        raise refused(Refusal.TOKEN_MALFORMED)
    return account


def _moment(claims: Mapping[str, Any], name: str, required: bool = False) -> float:
    value = claims.get(name)
    if value is None and not required:
        return float("-inf")
    # A bool is an int, and NaN is never reached.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise refused(Refusal.TOKEN_MALFORMED)
    return float(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
