"""Where a caller's key may stand."""

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.web.headers import Headers
from gateway.web.keys import presented_key


def sent(*headers: tuple[str, str]) -> Headers:
    return Headers([(name.encode(), value.encode()) for name, value in headers])


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer k"},
        {"authorization": "bearer   k "},
        {"X-Api-Key": "k"},
        {"X-Api-Key": "k", "Authorization": "Bearer k"},
        {"X-Api-Key": "k", "Authorization": "Basic other"},
    ],
)
def test_either_header_will_do(headers: dict[str, str]) -> None:
    assert presented_key(sent(*headers.items())) == "k"


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ({}, Fault.CALLER_KEY_MISSING),
        ({"Authorization": "Bearer "}, Fault.CALLER_KEY_MISSING),
        ({"Authorization": "k"}, Fault.CALLER_KEY_MISSING),
        ({"X-Api-Key": "a", "Authorization": "Bearer b"}, Fault.CALLER_KEYS_CONFLICT),
    ],
)
def test_no_key_and_two_keys_are_refused(headers: dict[str, str], fault: Fault) -> None:
    with pytest.raises(GatewayError) as caught:
        presented_key(sent(*headers.items()))
    assert caught.value.fault is fault


@pytest.mark.parametrize("name", ["authorization", "x-api-key"], ids=["authorization", "x-api-key"])
def test_a_header_that_is_sent_twice_with_two_keys_is_refused(name: str) -> None:
    value = "Bearer {}" if name == "authorization" else "{}"
    twice = sent((name, value.format("a")), (name, value.format("b")))
    with pytest.raises(GatewayError) as caught:
        presented_key(twice)
    assert caught.value.fault is Fault.CALLER_KEYS_CONFLICT
    same = sent((name, value.format("a")), (name, value.format("a")))
    assert presented_key(same) == "a"
