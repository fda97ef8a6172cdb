"""JSON as clients read it, where msgspec refuses what Python's and JavaScript's parsers take.

Half of a surrogate pair written as an escape, a byte order mark, bytes that are no UTF-8: a model
that is cut in the middle of an emoji says such things, and the answer is good all the same. What
cannot be said in UTF-8 becomes U+FFFD, the numbers that JSON does not have (NaN, Infinity) become
null, and of a name that comes twice the last value counts. It takes several times as long as
msgspec, and so is asked only about what msgspec has refused.
"""

import json
import re
from math import isfinite
from typing import Any

import msgspec

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what it cannot read."""
_HALF = re.compile("[\ud800-\udfff]")
"""Halves that belong together were made one by the parser: what is left is alone."""
REPLACEMENT = "\ufffd"


def strict(data: bytes) -> bytes | None:
    """The same document as JSON that every decoder takes; None for what is no JSON.

    Nesting that is deeper than the parser goes is none either.
    """
    try:
        document = json.loads(
            data.decode("utf-8-sig", "replace"), parse_constant=_no_number, parse_float=_finite
        )
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
    return _HALF.sub(REPLACEMENT, text).encode()


def read(data: bytes) -> Any | None:
    """The document's value, which can be encoded again; None for what is no JSON."""
    document = strict(data)
    if document is None:
        return None
    try:
        return msgspec.json.decode(document)
    except (msgspec.DecodeError, RecursionError):
        return None


def _no_number(_name: str) -> None:
    return None


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if isfinite(number) else None
