"""Takes the caller's key from the headers it may stand in (design §7)."""

from collections.abc import Iterator

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_checks import MOST_CHARACTERS
from gateway.web.headers import Headers

MAX_KEY_CHARACTERS = MOST_CHARACTERS + 1
"""One more than a token may have: what is cut off must not be taken for a whole one."""


def presented_key(headers: Headers) -> str:
    """The key a request shows. Raises GatewayError: none, or two different ones."""
    shown = {key for key in _shown(headers) if key}
    if not shown:
        raise GatewayError(
            Fault.CALLER_KEY_MISSING,
            "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
        )
    if len(shown) > 1:
        raise GatewayError(
            Fault.CALLER_KEYS_CONFLICT,
            "Its headers hold two different keys; send one.",
        )
    return shown.pop()[:MAX_KEY_CHARACTERS]


def _shown(headers: Headers) -> Iterator[str]:
    """Every key in every header it may stand in, also in one that was sent twice."""
    for value in headers.getall("authorization", ()):
        scheme, _, key = value.strip().partition(" ")
        yield key.strip() if scheme.lower() == "bearer" else ""
    for value in headers.getall("x-api-key", ()):
        yield value.strip()
