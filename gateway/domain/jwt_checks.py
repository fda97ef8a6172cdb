"""What makes a JWT one of its issuer's for this gateway: its form, and its registered claims.

Pure: the time is an argument. Signatures are for an adapter; every claim is checked here and none
by the library that checks signatures, so that one table says what is asked of a token (RFC 7519
§4.1, RFC 8725). A refusal says why in words and quotes nothing of the token.
"""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError

MOST_CHARACTERS = 8192
"""Of a token: aiohttp reads no longer header line. Tokens of people are 1 to 4 KiB."""
_FORM = re.compile(r"([\w-]+)\.[\w-]+\.[\w-]*", re.ASCII)


class Refusal(Enum):
    """Why a token is not believed."""

    MALFORMED = "malformed"
    ALGORITHM = "algorithm"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


WORDS: dict[Refusal, str] = {
    Refusal.MALFORMED: "it is malformed: no complete JWT with a key id and an expiry",
    Refusal.ALGORITHM: "its signature algorithm is not accepted here",
    Refusal.KEY_UNKNOWN: "it is signed with an unknown key, one that its issuer does not name",
    Refusal.SIGNATURE: "its signature is not its issuer's",
    Refusal.ISSUER: "it is from the wrong issuer",
    Refusal.AUDIENCE: "it is for the wrong audience, not for this gateway",
    Refusal.EXPIRED: "it has expired; get a new one",
    Refusal.NOT_YET_VALID: "it is not yet valid; compare the clocks",
}


def refused(refusal: Refusal) -> GatewayError:
    """The error of a token that is not believed."""
    return GatewayError(Fault.CALLER_KEY_TOKEN, f"The token was not accepted: {WORDS[refusal]}.")


def keys_unread(retry_after: float) -> GatewayError:
    """The error when nothing can be said of a token, since its issuer's keys are not there."""
    return GatewayError(
        Fault.GATEWAY_ISSUER,
        "The gateway cannot read the keys of the token's issuer at the moment; "
        "send the request again.",
        retry_after=retry_after,
    )


class Header(msgspec.Struct):
    """The header of a token (JOSE), which nobody has vouched for."""

    alg: str
    kid: str | None = None
    crit: Any = None


_HEADERS = msgspec.json.Decoder(Header)


def header_of(text: str) -> Header | None:
    """A token's header; None for what is no JWT: then it is a key, right or wrong.

    The signature may be empty here, so that a token without one is refused as what it is.
    """
    # A JSON object in base64url begins with an "e", whatever stands in it: most of what is no token
    # ends here, and so does every key of ours.
    if not text.startswith("e") or len(text) > MOST_CHARACTERS:
        return None
    parts = _FORM.fullmatch(text)
    if parts is None:
        return None
    first = parts[1]
    try:
        return _HEADERS.decode(urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None


def looks_like_token(text: str) -> bool:
    """Whether this is meant as a JWT. A key of ours never is."""
    return header_of(text) is not None


@dataclass(frozen=True, slots=True)
class Expected:
    """Which tokens count: from this issuer, for this audience.

    leeway: seconds by which clocks may differ.
    """

    issuer: str
    audience: str
    leeway: float


def check(claims: Mapping[str, Any], expected: Expected, now: float) -> float:
    """Until when the token holds, leeway included. Raises GatewayError (CALLER_KEY_TOKEN).

    now and the result: seconds since the epoch.
    """
    if claims.get("iss") != expected.issuer:
        raise refused(Refusal.ISSUER)
    audience = claims.get("aud")
    if expected.audience not in (audience if isinstance(audience, list) else [audience]):
        raise refused(Refusal.AUDIENCE)
    expires_at = _moment(claims.get("exp")) + expected.leeway
    if now >= expires_at:
        raise refused(Refusal.EXPIRED)
    if "nbf" in claims and now < _moment(claims["nbf"]) - expected.leeway:
        raise refused(Refusal.NOT_YET_VALID)
    return expires_at


def _moment(value: Any) -> float:
    # A bool is an int, and NaN is never reached.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e12:
        raise refused(Refusal.MALFORMED)
    return float(value)
