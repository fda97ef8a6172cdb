"""A caller's request read by type, and the two ways in which one is turned away.

What is wrong is named by the place it stands at and never quoted. Knows no protocol: each pair
says which fields it reads, and every other one is skipped without being built.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from gateway.domain.complaints import located
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE

_Read = TypeVar("_Read")


class Body(msgspec.Struct, frozen=True):
    """Part of a body; its repr says nothing of what is in it."""

    def __repr__(self) -> str:
        return type(self).__name__


def read(body: bytes, decode: Callable[[bytes], _Read]) -> _Read:
    """What a request says. Raises GatewayError (CALLER_BODY_INVALID) that names the field."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise invalid(*located(str(error))) from None
    except UNREADABLE:
        raise invalid("", "the body is no JSON that can be read") from None


def invalid(path: str, problem: str) -> GatewayError:
    """The error for a field that is wrong in the caller's own protocol."""
    return GatewayError(Fault.CALLER_BODY_INVALID, _sentence(path, problem), param=path or None)


def refused(path: str, problem: str) -> GatewayError:
    """The error for what is right there, and cannot be said to this model."""
    return GatewayError(Fault.CALLER_REQUEST_REFUSED, _sentence(path, problem), param=path or None)


def _sentence(path: str, problem: str) -> str:
    return f"'{path}': {problem}." if path else f"{problem[:1].upper()}{problem[1:]}."
