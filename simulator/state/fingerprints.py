"""Credentials as they may be shown: their kind and a few digits of their SHA-256."""

import hashlib
import re
from collections.abc import Iterable

DIGITS = 12

# Headers that hold a secret, whatever is in them.
SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "copilot-session-token"}
)
_KIND = re.compile(r"(?:gh[a-z]_|github_pat_|tid=)?")


def fingerprint(secret: str) -> str:
    """For instance `ghu_…sha256:1a2b3c4d5e6f`; the same secret always looks the same."""
    kind = _KIND.match(secret)
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:DIGITS]
    return f"{kind.group() if kind else ''}…sha256:{digest}"


class HeaderRecorder:
    """Turns headers into what the ledger keeps; equal ones are kept once, up to a bound."""

    def __init__(self, most: int = 8192) -> None:
        self._most = most
        self._recorded: dict[tuple[str, str], tuple[str, str]] = {}

    def record(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Names in lower case with values; of secret ones the scheme and a fingerprint."""
        return tuple([self._recorded.get(header) or self._new(header) for header in headers])

    def _new(self, header: tuple[str, str]) -> tuple[str, str]:
        name, value = header[0].lower(), header[1]
        if name in SECRET_HEADERS:
            scheme, space, secret = value.rpartition(" ")
            value = f"{scheme}{space}{fingerprint(secret)}"
        if len(self._recorded) >= self._most:
            self._recorded.clear()
        self._recorded[header] = (name, value)
        return name, value
