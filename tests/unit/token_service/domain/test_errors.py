"""The error tree."""

import pytest

from token_service.domain import errors
from token_service.domain.errors import Reason, TokenServiceError


def leaves() -> list[type[TokenServiceError]]:
    found, open_ = [], [TokenServiceError]
    while open_:
        kind = open_.pop()
        children = kind.__subclasses__()
        open_ += children
        found += [] if children else [kind]
    return found


def test_every_reason_has_one_error() -> None:
    assert sorted(kind.reason for kind in leaves()) == sorted(Reason)


@pytest.mark.parametrize("kind", leaves())
def test_the_drawing_shows_every_error(kind: type[TokenServiceError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize("kind", leaves())
def test_a_copy_is_of_the_same_kind(kind: type[TokenServiceError]) -> None:
    copy = kind("m", metadata={"a": "b"}, detail="d").again(3.0)

    assert type(copy) is kind
    assert (copy.message, copy.metadata, copy.detail, copy.retry_after) == ("m", {"a": "b"}, "d", 3)
