"""The table from faults to what callers read."""

import json

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
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


@pytest.mark.parametrize("protocol", list(Protocol))
def test_an_error_event_is_one_whole_event_in_the_callers_protocol(protocol: Protocol) -> None:
    error = GatewayError(Fault.SEAT_RATE_LIMITED, "wait")
    event = error_event(protocol, error, "request-1")
    *_, data = event.removesuffix(b"\n\n").split(b"\n")
    assert event.count(b"\n\n") == 1
    document = json.loads(data.removeprefix(b"data: "))
    said = document.get("error", document)
    assert said["message"] == "wait"
    if protocol is Protocol.MESSAGES:
        assert (said["type"], document["request_id"]) == ("rate_limit_error", "request-1")
    else:
        assert said["code"] == "rate_limit_exceeded"


def test_a_defect_of_ours_has_a_fault_of_its_own() -> None:
    assert unexpected().fault is Fault.GATEWAY_OTHER


# The faults of routing and failover, as the documentation promises them.
PROMISED = {
    "policy_concurrency": (429, "rate_limit_exceeded"),
    "policy_paused": (503, "policy_paused"),
    "policy_budget": (429, "insufficient_quota"),
    "policy_budget_unknown": (503, "policy_budget_unknown"),
    "gateway_journal_full": (503, "gateway_journal_full"),
    "gateway_ledger": (503, "gateway_ledger"),
    "seat_model_rate_limited": (429, "rate_limit_exceeded"),
    "seat_busy": (429, "rate_limit_exceeded"),
    "seat_quota": (429, "insufficient_quota"),
    "seat_unavailable": (503, "seat_unavailable"),
    "seat_state_foreign": (400, "invalid_encrypted_content"),
    "upstream_model_overloaded": (503, "model_overloaded"),
    "upstream_timeout": (504, "upstream_timeout"),
    "upstream_request_timeout": (504, "upstream_request_timeout"),
    "upstream_idle": (504, "upstream_idle"),
    "upstream_truncated": (502, "upstream_truncated"),
    "upstream_stream_error": (502, "upstream_stream_error"),
    "gateway_deadline": (504, "gateway_deadline"),
    "gateway_draining": (503, "gateway_draining"),
}


@pytest.mark.parametrize(("word", "promised"), PROMISED.items())
def test_a_failed_failover_has_its_status_and_code(word: str, promised: tuple[int, str]) -> None:
    shape = SHAPES[Fault(word)]
    assert (shape.status, shape.code) == promised
