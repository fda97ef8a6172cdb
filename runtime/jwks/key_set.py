"""A JWK Set (RFC 7517) by PyJWT: which of an issuer's keys may verify its tokens.

Knows neither where a set comes from nor what its tokens say.
"""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

# Signatures by a private key only: with a shared secret (HS256) whoever verifies could also
# sign, and "none" signs nothing. API servers use RS256 or ES256 unless told otherwise.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
LEAST_RSA_BITS = 2048
MOST_KEYS = 100
MOST_BYTES = 256 * 1024
"""A set with a certificate chain for each of twenty keys is some 60 KiB."""


class IssuerUnavailable(Exception):
    """No usable answer; the text says from where and why, for the log."""


def keys_of(document: bytes) -> dict[str, PyJWK]:
    """The usable keys of a JWK Set, by their ids. Raises IssuerUnavailable when there is none.

    A key of a kind that is not used here is passed over, as RFC 7517 §5 asks.
    """
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IssuerUnavailable("the answer is not a JWK Set") from None
    found = {}
    for entry in entries[:MOST_KEYS] if isinstance(entries, list) else ():
        key = _key(entry)
        if key is not None:
            found[entry["kid"]] = key
    if not found:
        raise IssuerUnavailable("the JWK Set has no key that can be used")
    return found


def _key(entry: Any) -> PyJWK | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS:
        return None
    return key
