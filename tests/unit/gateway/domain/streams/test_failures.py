"""What upstream says of a failure is understood in each of its shapes, and bounded."""

import json
from typing import Any

import pytest

from gateway.domain.streams.failures import StreamFailure, failure_in, failure_of

LIMITED = StreamFailure("rate_limited", "", "slow down")


@pytest.mark.parametrize(
    ("document", "failure"),
    [
        ({"error": {"code": "rate_limited", "message": "slow down"}}, LIMITED),
        ({"error": {"code": "user_model_rate_limited:gpt-5.4"}}, ("user_model_rate_limited", "")),
        ({"error": {"code": 429, "type": "limit"}}, ("429", "limit")),
        ({"error": {"code": None, "message": None}}, ("", "")),
        ({"error": "slow down"}, StreamFailure("", "", "slow down")),
        (
            {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}},
            StreamFailure("", "overloaded_error", "busy"),
        ),
        (
            {"type": "error", "code": "rate_limited", "message": "slow down", "param": None},
            LIMITED,
        ),
        (
            {
                "type": "response.failed",
                "response": {"error": {"code": "rate_limited", "message": "slow down"}},
            },
            LIMITED,
        ),
        ({"code": "rate_limited", "message": "slow down"}, LIMITED),
        ({"error": None, "choices": []}, None),
        ({"message": "a word without a code"}, None),
        ({"response": {"error": None}}, None),
        ([], None),
    ],
)
def test_every_shape_is_read(document: Any, failure: Any) -> None:
    found = failure_in(json.dumps(document).encode())
    if isinstance(failure, tuple):
        assert found is not None
        assert (found.code, found.type) == failure
    else:
        assert found == failure


@pytest.mark.parametrize("data", [b"", b"{", b"<html>", b"\xff", b'{"error":' + b"[" * 100_000])
def test_what_is_no_json_reports_nothing(data: bytes) -> None:
    assert failure_in(data) is None
    assert failure_of(data) == StreamFailure("", "", "")


def test_half_a_character_hides_no_failure() -> None:
    failure = failure_in(b'{"error":{"code":"rate_limited","message":"slow \\ud83d"}}')
    assert failure == StreamFailure("rate_limited", "", "slow \ufffd")


def test_what_upstream_says_is_bounded_and_not_in_the_repr() -> None:
    error = {"message": "m" * 10_000, "code": "c" * 10_000, "type": "t" * 10_000}
    failure = failure_of(json.dumps({"error": error}).encode())
    assert (len(failure.message), len(failure.code), len(failure.type)) == (1_000, 100, 100)
    assert "mmm" not in repr(failure)


def test_a_failure_in_escaped_letters_is_one() -> None:
    failure = failure_in(b'{"err\\u006fr": {"code": "x"}}')
    assert failure is not None
    assert failure.code == "x"
