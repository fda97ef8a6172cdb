"""What OpenAI's two protocols have in common where one is made of the other.

The names that tools may have, and how an answer's bodies are read.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import Raw

from gateway.domain.bad_answers import not_understood
from gateway.domain.errors import GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.reading import invalid

Fields = dict[str, Raw]
"""A JSON object one level deep; what is inside stays the bytes it is."""

_Read = TypeVar("_Read")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_answer(body: bytes, decode: Callable[[bytes], _Read]) -> _Read:
    """What upstream says. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    try:
        return decode(body)
    except UNREADABLE:
        raise not_understood() from None


def is_name(name: str) -> bool:
    """Whether a tool can be called so."""
    return _NAME.fullmatch(name) is not None


def checked_name(name: str, path: str) -> str:
    """The name of a tool. Raises GatewayError for one that no tool can have."""
    if not is_name(name):
        raise invalid(path, "must be 1 to 64 letters, digits, underscores or hyphens")
    return name


def missing(path: str) -> GatewayError:
    """The error for a field that has to be there."""
    return invalid(path, "is required")
