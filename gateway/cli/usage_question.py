"""The arguments of `python -m gateway usage`, read: pure, from text to a question to the ledger."""

import re
from datetime import UTC, datetime

from gateway.domain.budgets.period import Period, span_at
from gateway.domain.usage.report import WORDS, Question

FORMATS = ("table", "csv", "json")
DEFAULT_BY = "key"
BY_HELP = f"what to sum by, with commas between: {', '.join(WORDS)}"
FROM_HELP = "2026-11-01 or 2026-11-01T12:00:00Z; days are UTC's; default: this month's first"
TO_HELP = "up to this time and not including it; default: now"

DATE = re.compile(r"\d{4}-\d\d-\d\d")
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def question_of(by: str, since: str | None, until: str | None, now: float) -> Question:
    """The question that the arguments ask. now: seconds since the epoch.

    Raises ValueError, whose text names the argument at fault.
    """
    start = span_at(Period.MONTH, now).start if since is None else _moment("--from", since)
    end = now if until is None else _moment("--to", until)
    if end <= start:
        raise ValueError("--to: must be later than --from")
    try:
        return Question(start, end, _words(by))
    except ValueError as error:
        raise ValueError(f"--by: {error}") from None


def _words(by: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in by.split(","))
    if not all(words):
        raise ValueError(f"needs words with commas between, of: {', '.join(WORDS)}")
    return words


def _moment(argument: str, text: str) -> float:
    """Seconds since the epoch; a day is its first moment in UTC."""
    try:
        if DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        if RFC_3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).timestamp()
    except ValueError:
        raise ValueError(f"{argument}: there is no such time as {text}") from None
    raise ValueError(
        f"{argument}: must be a day such as 2026-11-01, or a time such as 2026-11-01T12:00:00Z"
    )
