"""Reads a Retry-After header: seconds, or a date (RFC 9110 §10.2.3)."""

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_SECONDS = 366 * 86_400.0
"""No limit lasts longer: what is beyond is a mistake, such as a time given as a duration."""


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from now; None where the header is absent or means nothing.

    now: seconds since the epoch. Numbers are tried first: a date parser may take "3600" for a
    year (copilot-upstream.md §4.2).
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now)
    # Not a number, negative, or beyond reason: no hint at all.
    return seconds if 0 <= seconds <= LONGEST_SECONDS else None


def _until(text: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError, OverflowError):
        return -1.0
    if moment.tzinfo is None:
        # Without a zone it would be taken for this machine's; HTTP's dates are all UTC.
        moment = moment.replace(tzinfo=UTC)
    try:
        return max(0.0, moment.timestamp() - now)
    except (ValueError, OverflowError):
        return -1.0
