"""Reads a Retry-After header: seconds, or a date (RFC 9110 §10.2.3)."""

from email.utils import parsedate_to_datetime


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds from now; None where the header is absent or means nothing.

    Numbers are tried first: a date parser may take "3600" for a year (copilot-upstream.md §4.2).
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        seconds = _until(text, now)
    # Not a number, infinite or negative: no hint at all.
    return seconds if 0 <= seconds < float("inf") else None


def _until(text: str, now: float) -> float:
    try:
        moment = parsedate_to_datetime(text)
        return max(0.0, moment.timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return -1.0
