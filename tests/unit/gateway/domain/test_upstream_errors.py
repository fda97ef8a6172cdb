"""What upstream's refusals become: the rows of copilot-upstream.md §7.2, with its own bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.refusals import Row, by_status
from gateway.domain.upstream_errors import explain, explain_event, read_refusal
from gateway.web.problems import SHAPES

NOW = 1_795_000_000.0
HTML = b"<!DOCTYPE html><html><title>Unicorn! &middot; GitHub</title></html>"


def explained(status: int, body: bytes | str, retry_after: str | None = None) -> GatewayError:
    headers = {"retry-after": retry_after} if retry_after else {}
    raw = body.encode() if isinstance(body, str) else body
    return explain(read_refusal(status, headers, raw, NOW))


def error(code: str, message: str = "said upstream") -> str:
    return json.dumps({"error": {"message": message, "code": code}})


@pytest.mark.parametrize(
    ("status", "body", "fault", "callers_status"),
    [
        (400, error("model_not_supported"), Fault.CALLER_MODEL_NOT_FOUND, 404),
        (
            400,
            'The requested model is not available for integrator "x".',
            Fault.CALLER_MODEL_NOT_FOUND,
            404,
        ),
        (400, error("unsupported_api_for_model"), Fault.CALLER_MODEL_ENDPOINT, 400),
        (400, error("model_max_prompt_tokens_exceeded"), Fault.CALLER_CONTEXT_LENGTH, 400),
        (
            400,
            '{"type":"error","error":{"type":"invalid_request_error",'
            '"message":"prompt is too long: 210194 tokens > 200000 maximum"}}',
            Fault.CALLER_CONTEXT_LENGTH,
            400,
        ),
        (400, error("invalid_request_body"), Fault.CALLER_REQUEST_REFUSED, 400),
        (400, error("rate_limited"), Fault.SEAT_RATE_LIMITED, 429),
        (
            400,
            error("", "missing required Copilot-Vision-Request header for vision requests"),
            Fault.GATEWAY_VISION_HEADER,
            502,
        ),
        (
            400,
            "bad request: missing Editor-Version header for IDE auth\n",
            Fault.SEAT_IDENTITY,
            502,
        ),
        (
            400,
            "bad request: Personal Access Tokens are not supported for this endpoint",
            Fault.SEAT_IDENTITY,
            502,
        ),
        (400, "Bad Request\n", Fault.CALLER_REQUEST_REFUSED, 400),
        (400, error("previous_response_not_found"), Fault.CALLER_REQUEST_REFUSED, 400),
        (400, error("invalid_encrypted_content"), Fault.SEAT_STATE_FOREIGN, 400),
        (
            400,
            error("", "messages.1.content.0: Invalid `signature` in `thinking` block"),
            Fault.SEAT_STATE_FOREIGN,
            400,
        ),
        (
            400,
            error("", "The encrypted content gAAAAB… could not be verified. Reason: …"),
            Fault.SEAT_STATE_FOREIGN,
            400,
        ),
        (400, error("", "could not be verified"), Fault.CALLER_REQUEST_REFUSED, 400),
        (
            401,
            error("", "input item ID does not belong to this connection"),
            Fault.SEAT_STATE_FOREIGN,
            400,
        ),
        (400, error("", "Item_id did not match the target item id"), Fault.SEAT_STATE_FOREIGN, 400),
        (401, "Invalid auto-mode selector\n", Fault.CALLER_REQUEST_REFUSED, 400),
        (401, "unauthorized: token expired", Fault.SEAT_TOKEN_REJECTED, 502),
        (402, error("quota_exceeded"), Fault.SEAT_QUOTA, 429),
        (
            403,
            "unauthorized: not authorized to use this Copilot feature\n",
            Fault.SEAT_FORBIDDEN,
            502,
        ),
        (
            403,
            "Forbidden: Access to this endpoint is forbidden. "
            "Please review our [Terms of Service](x)",
            Fault.UPSTREAM_CLIENT_REFUSED,
            502,
        ),
        (404, "not found", Fault.CALLER_MODEL_NOT_FOUND, 404),
        (408, error("user_request_timeout"), Fault.UPSTREAM_REQUEST_TIMEOUT, 504),
        (413, error(""), Fault.CALLER_BODY_TOO_LARGE, 413),
        (421, "Misdirected Request", Fault.SEAT_WRONG_HOST, 502),
        (422, "", Fault.CALLER_CONTENT_FILTERED, 400),
        (429, error("user_model_rate_limited:gpt-5.4"), Fault.SEAT_MODEL_RATE_LIMITED, 429),
        (429, error("user_model_rate_limited"), Fault.SEAT_MODEL_RATE_LIMITED, 429),
        (429, error("user_global_rate_limited"), Fault.SEAT_RATE_LIMITED, 429),
        (429, error("user_weekly_rate_limited"), Fault.SEAT_RATE_LIMITED, 429),
        (429, error("agent_mode_limit_exceeded"), Fault.SEAT_RATE_LIMITED, 429),
        (429, error("rate_limited"), Fault.SEAT_RATE_LIMITED, 429),
        (429, "", Fault.SEAT_RATE_LIMITED, 429),
        (429, error("integration_rate_limited"), Fault.UPSTREAM_RATE_LIMITED, 503),
        (429, error("model_overloaded"), Fault.UPSTREAM_MODEL_OVERLOADED, 503),
        (466, "bad request: the specified API version …", Fault.UPSTREAM_CLIENT_REFUSED, 502),
        (500, HTML, Fault.UPSTREAM_UNAVAILABLE, 502),
        (502, HTML, Fault.UPSTREAM_UNAVAILABLE, 502),
        (503, "any text", Fault.UPSTREAM_OVERLOADED, 503),
        (504, HTML, Fault.UPSTREAM_UNAVAILABLE, 502),
        (302, "", Fault.UPSTREAM_BAD_ANSWER, 502),
        (204, "", Fault.UPSTREAM_BAD_ANSWER, 502),
        (418, error("x"), Fault.CALLER_REQUEST_REFUSED, 400),
        (424, "", Fault.CALLER_REQUEST_REFUSED, 400),
        (499, "", Fault.CALLER_REQUEST_REFUSED, 400),
    ],
)
def test_each_refusal_has_its_meaning(
    status: int, body: bytes | str, fault: Fault, callers_status: int
) -> None:
    found = explained(status, body)
    assert found.fault is fault
    assert SHAPES[found.fault].status == callers_status


def test_upstreams_own_words_reach_the_caller_only_about_its_request() -> None:
    assert explained(400, error("invalid_request_body", "use max_completion_tokens")).message == (
        "use max_completion_tokens"
    )
    for status in (401, 402, 403, 418, 429, 466, 500, 503):
        assert "secret" not in explained(status, error("x", "secret of the seat")).message


def test_sealed_content_that_upstream_quotes_goes_no_further() -> None:
    quoting = "The encrypted content gAAAsealed could not be verified."
    assert "gAAAsealed" not in explained(400, error("invalid_encrypted_content", quoting)).message
    assert "gAAAsealed" not in repr(read_refusal(400, {}, quoting.encode(), NOW))


def test_a_lost_previous_response_keeps_the_word_that_clients_act_on() -> None:
    assert explained(400, error("previous_response_not_found")).code == (
        "previous_response_not_found"
    )


def test_a_platforms_own_rows_come_first() -> None:
    rows = (Row(by_status(429), Fault.SEAT_QUOTA, "own"),)
    assert explain(read_refusal(429, {}, b"", NOW), rows).message == "own"
    assert explain(read_refusal(402, {}, b"", NOW), rows).fault is Fault.SEAT_QUOTA
    assert explain(read_refusal(403, {}, b"", NOW), rows).fault is Fault.SEAT_FORBIDDEN


def test_a_wait_is_passed_on() -> None:
    assert explained(429, error("rate_limited"), retry_after="208800").retry_after == 208_800


@given(st.integers(201, 599), st.binary(max_size=300))
def test_no_refusal_becomes_a_callers_401_or_echoes_a_page(status: int, body: bytes) -> None:
    """Invariant 5 of the design, and no HTML, for any answer at all."""
    found = explained(status, b"<html>" + body)
    assert SHAPES[found.fault].status != 401
    assert "<html>" not in found.message


@pytest.mark.parametrize(
    ("code", "type_", "message", "fault"),
    [
        ("rate_limited", "", "", Fault.SEAT_RATE_LIMITED),
        ("user_model_rate_limited:gpt-5.4", "", "", Fault.SEAT_MODEL_RATE_LIMITED),
        ("user_weekly_rate_limited", "", "", Fault.SEAT_RATE_LIMITED),
        ("integration_rate_limited", "", "", Fault.UPSTREAM_RATE_LIMITED),
        ("rate_limit_exceeded", "requests", "", Fault.SEAT_RATE_LIMITED),
        ("", "rate_limit_error", "", Fault.SEAT_RATE_LIMITED),
        ("quota_exceeded", "", "", Fault.SEAT_QUOTA),
        ("session_quota_exceeded", "", "", Fault.SEAT_QUOTA),
        ("insufficient_quota", "insufficient_quota", "", Fault.SEAT_QUOTA),
        ("model_overloaded", "", "", Fault.UPSTREAM_MODEL_OVERLOADED),
        ("", "overloaded_error", "Overloaded", Fault.UPSTREAM_MODEL_OVERLOADED),
        (None, "overloaded_error", None, Fault.UPSTREAM_MODEL_OVERLOADED),
        ("model_not_supported", "invalid_request_error", "", Fault.CALLER_MODEL_NOT_FOUND),
        ("context_length_exceeded", "", "", Fault.CALLER_CONTEXT_LENGTH),
        (
            "",
            "invalid_request_error",
            "prompt is too long: 210194 tokens > 200000 maximum",
            Fault.CALLER_CONTEXT_LENGTH,
        ),
        (
            "",
            "invalid_request_error",
            "Invalid `signature` in `thinking` block",
            Fault.SEAT_STATE_FOREIGN,
        ),
        ("invalid_encrypted_content", "invalid_request_error", "", Fault.SEAT_STATE_FOREIGN),
        ("never_heard_of", "invalid_request_error", "no", Fault.CALLER_REQUEST_REFUSED),
        ("content_filter", "", "", Fault.CALLER_CONTENT_FILTERED),
        ("request_too_large", "", "", Fault.CALLER_BODY_TOO_LARGE),
        ("not_found", "", "", Fault.CALLER_MODEL_NOT_FOUND),
        ("service_unavailable", "", "", Fault.UPSTREAM_OVERLOADED),
        ("internal_error", "", "", Fault.UPSTREAM_UNAVAILABLE),
        ("", "api_error", "Internal server error", Fault.UPSTREAM_UNAVAILABLE),
        ("server_error", "server_error", "", Fault.UPSTREAM_UNAVAILABLE),
        ("", "authentication_error", "", Fault.UPSTREAM_UNAVAILABLE),
        ("never_heard_of", "", "", Fault.UPSTREAM_UNAVAILABLE),
        (None, None, None, Fault.UPSTREAM_UNAVAILABLE),
    ],
)
def test_an_error_inside_a_200_means_what_its_status_would_have(
    code: str | None, type_: str | None, message: str | None, fault: Fault
) -> None:
    found = explain_event(code, type_, message)
    assert found.fault is fault
    assert found.retry_after is None


def test_upstreams_own_words_in_an_event_are_bounded_and_only_about_the_request() -> None:
    refused = explain_event("invalid_request_body", None, "x" * 5_000)
    assert refused.message == "x" * 1_000
    assert "secret" not in explain_event("internal_error", None, "secret").message


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=100))
def test_no_event_is_too_odd(code: str, type_: str, message: str) -> None:
    assert SHAPES[explain_event(code, type_, message).fault].status != 401
