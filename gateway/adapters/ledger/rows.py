"""From a usage record to the row it is kept as."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.usage.record import UsageRecord

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TEXTS = tuple(field.name for field in msgspec.structs.fields(UsageRecord) if field.type is str)


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a time in UTC. Raises ValueError or OverflowError."""
    return datetime.fromtimestamp(seconds, UTC)


def row_of(record: UsageRecord) -> dict[str, Any]:
    """The row. Raises ValueError or OverflowError for a time that is none."""
    row = msgspec.structs.asdict(record)
    row["time"] = moment(record.time)
    for name in TEXTS:
        text = row[name]
        # The usual case costs no copy: ASCII without a NUL.
        if not text.isascii() or "\0" in text:
            row[name] = _storable(text)
    return row


def _storable(text: str) -> str:
    """Without what UTF-8 cannot say (lone surrogates) and PostgreSQL does not keep (NUL)."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", REPLACEMENT)
