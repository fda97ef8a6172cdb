"""Takes the caller's key from the headers it may stand in (design §7)."""

from collections.abc import Mapping

from gateway.domain.errors import Fault, GatewayError

MAX_KEY_CHARACTERS = 4096


def presented_key(headers: Mapping[str, str]) -> str:
    """The key a request shows. Raises GatewayError: none, or two different ones."""
    shown = {key for key in (_bearer(headers), headers.get("x-api-key", "").strip()) if key}
    if not shown:
        raise GatewayError(
            Fault.CALLER_KEY_MISSING,
            "An API key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'.",
        )
    if len(shown) > 1:
        raise GatewayError(
            Fault.CALLER_KEYS_CONFLICT,
            "'Authorization' and 'x-api-key' hold two different keys; send one.",
        )
    return shown.pop()[:MAX_KEY_CHARACTERS]


def _bearer(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").strip().partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
