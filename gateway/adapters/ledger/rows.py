"""What a database can keep of a usage record: its texts and its time."""

from datetime import UTC, datetime
from operator import attrgetter

import msgspec

from gateway.domain.usage.record import UsageRecord

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
TEXTS = tuple(field.name for field in msgspec.structs.fields(UsageRecord) if field.type is str)

_texts = attrgetter(*TEXTS)


def moment(seconds: float) -> datetime:
    """Seconds since the epoch as a time in UTC. Raises ValueError or OverflowError."""
    return datetime.fromtimestamp(seconds, UTC)


def storable(record: UsageRecord) -> UsageRecord:
    """The record with texts that every database keeps: itself, as a rule."""
    # All of them looked at once: ASCII without a NUL is the usual case.
    text = "".join(_texts(record))
    if text.isascii() and "\0" not in text:
        return record
    texts = zip(TEXTS, map(_storable, _texts(record)), strict=True)
    return msgspec.structs.replace(record, **dict(texts))


def _storable(text: str) -> str:
    """Without what UTF-8 cannot say (lone surrogates) and PostgreSQL does not keep (NUL)."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", REPLACEMENT)
