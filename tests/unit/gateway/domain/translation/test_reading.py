"""Requests that cannot be read are named by the field, and never quoted."""

import msgspec
import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.reading import Body, invalid, read, refused


class Inner(Body, frozen=True):
    name: str
    count: int = 0


class Outer(Body, frozen=True):
    inner: list[Inner]


decode = msgspec.json.Decoder(Outer).decode


@pytest.mark.parametrize(
    ("body", "message", "param"),
    [
        (b'{"inner":[{"name":1}]}', "'inner[0].name': expected 'str', got 'int'.", "inner[0].name"),
        (b'{"inner":[{}]}', "'inner[0].name': is required.", "inner[0].name"),
        (b"{}", "'inner': is required.", "inner"),
        (b"[1]", "Expected 'object', got 'array'.", None),
        (b'{"inner":', "The body is no JSON that can be read.", None),
        (b'{"inner":[{"name":"\xff"}]}', "The body is no JSON that can be read.", None),
        (b"[" * 100_000, "Expected 'object', got 'array'.", None),
        (b'{"a":' * 100_000, "The body is no JSON that can be read.", None),
    ],
)
def test_what_is_wrong_is_named(body: bytes, message: str, param: str | None) -> None:
    with pytest.raises(GatewayError) as caught:
        read(body, decode)
    assert caught.value.fault is Fault.CALLER_BODY_INVALID
    assert (caught.value.message, caught.value.param) == (message, param)


def test_what_is_wrong_and_what_cannot_be_said_are_two_faults() -> None:
    assert invalid("a", "is odd").fault is Fault.CALLER_BODY_INVALID
    assert refused("a", "is odd").fault is Fault.CALLER_REQUEST_REFUSED


def test_nothing_of_a_body_is_in_its_repr() -> None:
    body = read(b'{"inner":[{"name":"secret"}]}', decode)
    assert repr(body) == "Outer"
    assert "secret" not in repr(body.inner)
