"""An HTTP answer of GitHub's as a value, and what every reader of one needs.

Knows no library and no endpoint. Bodies may hold tokens, so that none is ever shown by repr.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

# GitHub's own newest client honours no hint beyond this (copilot-upstream.md §3.4).
LONGEST_HINT_SECONDS = 900.0
LONGEST_SENTENCE = 300
# What nobody is to see although GitHub, or a proxy before it, says it back: credentials by their
# prefixes (§2.4, §3.2), and whatever is too long to be a word. Addresses may be long.
_SECRET = re.compile(
    r"(?:gh[a-z]_|github_pat_|tid=|eyJ|-----BEGIN)\S*|(?<!\S)(?!\S*https?://)\S{40,}"
)
_HIDDEN = "…"
# A 403 that is no refusal of the credential says so (§3.4): begins with the one, has the other.
RATE_LIMIT_BEGINNING = "api rate limit exceeded"
SECONDARY_RATE_LIMIT = "secondary rate limit"


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and the whole body of one answer."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    def json_object(self) -> dict[str, Any] | None:
        """The body as a JSON object; None for anything else, whatever the content type says."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            return None
        return content if isinstance(content, dict) else None

    def date(self) -> float | None:
        """GitHub's clock at the time of the answer, in seconds since the epoch."""
        return _http_date(self.headers.get("date", ""))

    def wait_hint(self) -> float | None:
        """Seconds GitHub asks to wait, 0 to 900: `retry-after`, else `x-ratelimit-reset`.

        Both are read against the answer's own Date, so that no clock of ours is involved.
        """
        seconds = self._retry_after()
        if seconds is None and self.headers.get("x-ratelimit-remaining") == "0":
            seconds = self._since_date(_number(self.headers.get("x-ratelimit-reset", "")))
        return None if seconds is None else min(max(seconds, 0.0), LONGEST_HINT_SECONDS)

    def says_rate_limit(self) -> bool:
        """Whether the message is that of a rate limit; a body may be the bare text (§0.3)."""
        body = self.json_object()
        bare = self.body[: LONGEST_SENTENCE * 4].decode("utf-8", "replace")
        text = bare if body is None else body.get("message")
        said = text.strip().lower() if isinstance(text, str) else ""
        return said.startswith(RATE_LIMIT_BEGINNING) or SECONDARY_RATE_LIMIT in said

    def hints_rate_limit(self) -> bool:
        """Whether the headers are those of a rate limit; other refusals may have them too."""
        return self.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in self.headers

    def _retry_after(self) -> float | None:
        text = self.headers.get("retry-after", "").strip()
        seconds = _number(text)
        return seconds if seconds is not None else self._since_date(_http_date(text))

    def _since_date(self, moment: float | None) -> float | None:
        date = self.date()
        return None if moment is None or date is None else moment - date


def sentence(value: object) -> str:
    """A text of GitHub's made fit for a message: one line, bounded, and without credentials.

    Empty for anything that is no text.
    """
    if not isinstance(value, str):
        return ""
    printable = "".join(c if c.isprintable() else " " for c in value[: LONGEST_SENTENCE * 4])
    return _SECRET.sub(_HIDDEN, " ".join(printable.split()))[:LONGEST_SENTENCE]


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) else None


def _http_date(text: str) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
