"""What upstream's refusals become: the rows of copilot-upstream.md §7.2, with its own bodies."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.upstream_errors import explain, read_refusal
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
        (408, error("user_request_timeout"), Fault.UPSTREAM_TIMEOUT, 504),
        (413, error(""), Fault.CALLER_BODY_TOO_LARGE, 413),
        (421, "Misdirected Request", Fault.SEAT_WRONG_HOST, 502),
        (422, "", Fault.CALLER_CONTENT_FILTERED, 400),
        (429, error("user_model_rate_limited:gpt-5.4"), Fault.SEAT_RATE_LIMITED, 429),
        (429, error("integration_rate_limited"), Fault.UPSTREAM_RATE_LIMITED, 503),
        (429, error("model_overloaded"), Fault.UPSTREAM_OVERLOADED, 503),
        (466, "bad request: the specified API version …", Fault.UPSTREAM_CLIENT_REFUSED, 502),
        (500, HTML, Fault.UPSTREAM_UNAVAILABLE, 502),
        (502, HTML, Fault.UPSTREAM_UNAVAILABLE, 502),
        (503, "any text", Fault.UPSTREAM_OVERLOADED, 503),
        (504, HTML, Fault.UPSTREAM_TIMEOUT, 504),
        (302, "", Fault.UPSTREAM_BAD_ANSWER, 502),
        (204, "", Fault.UPSTREAM_BAD_ANSWER, 502),
        (418, error("x"), Fault.UPSTREAM_BAD_ANSWER, 502),
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
    assert "secret" not in explained(401, error("x", "secret of the seat")).message


def test_a_wait_is_passed_on() -> None:
    assert explained(429, error("rate_limited"), retry_after="208800").retry_after == 208_800


@given(st.integers(201, 599), st.binary(max_size=300))
def test_no_refusal_becomes_a_callers_401_or_echoes_a_page(status: int, body: bytes) -> None:
    """Invariant 5 of the design, and no HTML, for any answer at all."""
    found = explained(status, b"<html>" + body)
    assert SHAPES[found.fault].status != 401
    assert "<html>" not in found.message
