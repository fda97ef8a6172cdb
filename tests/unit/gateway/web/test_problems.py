"""The table from faults to what callers read."""

import json

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.web.problems import SHAPES, error_event, error_response, unexpected

PARTIES = ("caller_", "policy_", "seat_", "upstream_", "gateway_")
KEY_FAULTS = {fault for fault in Fault if fault.value.startswith("caller_key")}


def test_every_fault_has_a_shape_and_a_party() -> None:
    assert set(SHAPES) == set(Fault)
    assert all(fault.value.startswith(PARTIES) for fault in Fault)


def test_only_a_bad_key_is_a_401() -> None:
    """Invariant 5: a broken seat must not log a caller out."""
    assert {fault for fault, shape in SHAPES.items() if shape.status == 401} == KEY_FAULTS


@pytest.mark.parametrize("fault", list(Fault))
def test_an_error_speaks_openais_shape(fault: Fault) -> None:
    response = error_response(GatewayError(fault, "words", param="p", retry_after=1.2))
    assert isinstance(response.body, bytes)
    assert set(json.loads(response.body)["error"]) == {"message", "type", "param", "code"}
    assert response.headers["x-gateway-error"] == fault.value
    assert response.headers["Retry-After"] == "2"


def test_a_more_precise_code_wins() -> None:
    response = error_response(GatewayError(Fault.SEAT_QUOTA, "m", code="billing"))
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["error"]["code"] == "billing"


def test_an_error_event_is_one_whole_event_after_a_torn_one() -> None:
    torn = b'data: {"choices":[{"del' + error_event(unexpected())
    events = [event for event in torn.split(b"\n\n") if event]
    assert json.loads(events[-1].removeprefix(b"data: "))["error"]["code"] == "gateway_other"
