"""GitHub's device flow as a state machine (copilot-upstream.md §2.2)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.answers import Answer
from token_service.domain.device_flow import (
    DeviceCode,
    Granted,
    LoginFailed,
    Pending,
    poll_fields,
    polled,
    start_fields,
    started,
    wait_before_poll,
)

START = {
    "device_code": "3584d8",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://github.com/login/device",
    "expires_in": 899,
    "interval": 5,
}


def answer(body: dict[str, Any] | bytes, status: int = 200, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, headers, raw)


def test_a_sign_in_is_opened() -> None:
    assert started(answer(START)) == DeviceCode(
        "3584d8", "WDJB-MJHT", "https://github.com/login/device", 899.0, 5.0
    )


def test_a_missing_interval_is_five_seconds() -> None:
    body = {name: value for name, value in START.items() if name != "interval"}

    assert started(answer(body)).interval == 5.0


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"error": "device_flow_disabled"}, 200, "switched off"),
        ({"error": "incorrect_client_credentials"}, 200, "does not know this client id"),
        ({"error": "not_found"}, 404, "does not know this client id"),
        ({"message": "Not Found"}, 404, "does not know this client id"),
        (b"<html>", 200, "did not open"),
        (b"<html>", 503, "503"),
        ({**START, "device_code": "a b"}, 200, "did not open"),
        ({**START, "verification_uri": ""}, 200, "did not open"),
    ],
)
def test_a_sign_in_that_is_not_opened(body: dict[str, Any] | bytes, status: int, text: str) -> None:
    with pytest.raises(LoginFailed, match=text):
        started(answer(body, status))


@pytest.mark.parametrize(
    ("body", "interval"),
    [
        ({"error": "authorization_pending"}, 5.0),
        ({"error": "slow_down", "interval": 10}, 10.0),
        ({"error": "slow_down"}, 10.0),
        ({"error": "slow_down", "interval": "x"}, 10.0),
        (b"<html>Unicorn</html>", 5.0),
        ({}, 5.0),
    ],
)
def test_waiting_goes_on_at_the_pace_github_wants(
    body: dict[str, Any] | bytes, interval: float
) -> None:
    """Errors of this flow come with status 200; an outage is no end of it."""
    assert polled(answer(body), 5.0) == Pending(interval)


def test_a_rate_limit_slows_the_polling() -> None:
    limited = Answer(429, {"retry-after": "30"}, b"")

    assert polled(limited, 5.0) == Pending(30.0)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("expired_token", "expired"),
        ("access_denied", "refused in the browser"),
        ("incorrect_device_code", "start again"),
        ("unsupported_grant_type", "does not offer"),
        ("brand_new_error", "brand_new_error"),
        ("\n<b>", "an unknown error"),
        (7, "an unknown error"),
    ],
)
def test_a_sign_in_that_ends_badly(error: object, text: str) -> None:
    with pytest.raises(LoginFailed, match=text):
        polled(answer({"error": error}), 5.0)


def test_a_granted_credential() -> None:
    granted = polled(answer({"access_token": "ghu_test", "token_type": "bearer"}), 5.0)

    assert granted == Granted("ghu_test")
    assert "ghu_test" not in repr(granted)


def test_what_is_sent() -> None:
    code = started(answer(START))

    assert start_fields("id", "read:user") == {"client_id": "id", "scope": "read:user"}
    assert poll_fields("id", code)["device_code"] == "3584d8"
    assert "3584d8" not in repr(code)


def test_polls_keep_a_margin() -> None:
    assert wait_before_poll(5.0) > 5.0


@given(st.binary(max_size=100), st.floats(min_value=1, max_value=120))
def test_no_answer_breaks_the_polling(body: bytes, interval: float) -> None:
    assert polled(Answer(200, {}, body), interval) == Pending(interval)
