"""Where a caller's key may stand."""

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from gateway.domain.errors import Fault, GatewayError
from gateway.web.keys import presented_key


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
    assert presented_key(CIMultiDictProxy(CIMultiDict(headers))) == "k"


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
        presented_key(CIMultiDictProxy(CIMultiDict(headers)))
    assert caught.value.fault is fault


@pytest.mark.parametrize("name", ["authorization", "x-api-key"], ids=["authorization", "x-api-key"])
def test_a_header_that_is_sent_twice_with_two_keys_is_refused(name: str) -> None:
    value = "Bearer {}" if name == "authorization" else "{}"
    twice = CIMultiDict([(name, value.format("a")), (name, value.format("b"))])
    with pytest.raises(GatewayError) as caught:
        presented_key(CIMultiDictProxy(twice))
    assert caught.value.fault is Fault.CALLER_KEYS_CONFLICT
    same = CIMultiDict([(name, value.format("a")), (name, value.format("a"))])
    assert presented_key(CIMultiDictProxy(same)) == "a"
