"""What upstream says of an account's quotas, in headers beside every answer.

`x-quota-snapshot-NAME: ent=300&ov=0.0&ovPerm=false&rem=29.7&rst=2026-12-01T00%3A00%3A00Z`
(copilot-upstream.md §4.2). They lag behind by some requests: for display, never for a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from urllib.parse import parse_qsl

HEADERS: Mapping[str, str] = {
    "x-quota-snapshot-chat": "chat",
    "x-quota-snapshot-completions": "completions",
    "x-quota-snapshot-premium_interactions": "premium_interactions",
    "x-quota-snapshot-premium_models": "premium_models",
    "x-usage-ratelimit-session": "session",
    "x-usage-ratelimit-weekly": "weekly",
}
"""Header → quota, all of §4.2. The names become labels, so that no other one is taken."""
UNLIMITED = -1.0
MAX_CHARACTERS = 512
"""Six times as long as those that were seen."""
MAX_FIELDS = 16
LARGEST = 1e15


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of an account."""

    name: str
    """Such as premium_interactions."""
    entitlement: float
    """Requests, or credits on plans that have those; -1: unlimited."""
    remaining_percent: float
    """May be negative."""
    overage: float
    resets_at: float | None
    """Seconds since the epoch."""


def quotas_in(headers: Mapping[str, str]) -> tuple[Quota, ...]:
    """The quotas that an answer's headers tell of, names in lower case. Raises nothing."""
    found = (quota_in(header, headers.get(header)) for header in HEADERS)
    return tuple(quota for quota in found if quota is not None)


def quota_in(header: str, text: str | None) -> Quota | None:
    """The quota that one of HEADERS tells of; None for a text that is not as §4.2 has them."""
    if text is None or len(text) > MAX_CHARACTERS:
        return None
    try:
        fields = _fields(text)
        return Quota(
            name=HEADERS[header],
            entitlement=_number(fields["ent"]),
            remaining_percent=_number(fields["rem"]),
            overage=_number(fields["ov"]),
            resets_at=_moment(fields["rst"]) if "rst" in fields else None,
        )
    except (KeyError, ValueError, OverflowError):
        return None


def _fields(text: str) -> dict[str, str]:
    """A URL's query; of a repeated field the first. Raises ValueError for too many fields."""
    return dict(reversed(parse_qsl(text, max_num_fields=MAX_FIELDS)))


def _number(text: str) -> float:
    """Raises ValueError, also for what float() takes and no number on the wire looks like."""
    value = float(text)
    if not text.isascii() or "_" in text or not isfinite(value) or abs(value) > LARGEST:
        raise ValueError("no number")
    return value


def _moment(text: str) -> float:
    """ISO 8601 as seconds since the epoch; UTC where it names no zone. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
