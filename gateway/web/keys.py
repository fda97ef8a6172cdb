"""Takes the caller's key from the headers it may stand in (design §7)."""

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_checks import MOST_CHARACTERS
from gateway.web.headers import Headers

MAX_KEY_CHARACTERS = MOST_CHARACTERS + 1
"""One more than a token may have: what is cut off must not be taken for a whole one."""


def presented_key(headers: Headers) -> str:
    """The key a request shows. Raises GatewayError: none, or two different ones.

    Every key in every header it may stand in counts, also in one that was sent twice.
    """
    found = ""
    for value in headers.getall("authorization", ()):
        scheme, _, key = value.strip().partition(" ")
        if key and scheme.lower() == "bearer":
            found = _one_of(found, key.strip())
    for value in headers.getall("x-api-key", ()):
        found = _one_of(found, value.strip())
    if not found:
        raise GatewayError(
            Fault.CALLER_KEY_MISSING,
            "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
        )
    return found[:MAX_KEY_CHARACTERS]


def _one_of(found: str, another: str) -> str:
    if found and another and found != another:
        raise GatewayError(
            Fault.CALLER_KEYS_CONFLICT,
            "Its headers hold two different keys; send one.",
        )
    return found or another
