"""Errors in streams and under status 200, in each protocol's own form (§7.2, "Mid-stream")."""

import json
from typing import Any

import pytest

from simulator.wire.answer import Dialect, Event, encode
from simulator.wire.error_forms import error_body, error_event

RESPONSE = {"id": "r", "status": "in_progress", "output": [{"id": "i"}], "usage": {}}
BEGUN = [
    Event(encode({"type": "response.created", "response": RESPONSE}), "response.created"),
    Event(encode({"type": "response.in_progress"}), "response.in_progress"),
]


def event(dialect: Dialect | None, code: str = "c", as_failed: bool = False) -> tuple[str, Any]:
    made = error_event(dialect, code, "m", as_failed=as_failed, before=BEGUN)
    return made.name, json.loads(made.data)


def test_chat() -> None:
    expected = ("", {"error": {"code": "c", "message": "m"}})
    assert event(Dialect.CHAT) == event(None) == expected
    assert json.loads(error_body(Dialect.CHAT, "c", "m", b"")) == expected[1]


def test_responses_flat_or_failed() -> None:
    flat = {"type": "error", "sequence_number": 2, "code": "c", "message": "m", "param": None}
    assert event(Dialect.RESPONSES) == ("error", flat)
    name, failed = event(Dialect.RESPONSES, as_failed=True)
    assert name == failed["type"] == "response.failed"
    assert failed["response"] == {
        "id": "r",
        "status": "failed",
        "output": [],
        "usage": None,
        "error": {"code": "c", "message": "m"},
    }


def test_responses_whole_is_a_response_that_failed() -> None:
    plain = encode({**RESPONSE, "status": "completed", "copilot_usage": {}})
    body = json.loads(error_body(Dialect.RESPONSES, "c", "m", plain))
    assert (body["status"], body["error"]["code"]) == ("failed", "c")
    assert "copilot_usage" not in body


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("model_overloaded", "overloaded_error"),
        ("internal_error", "api_error"),
        ("rate_limited", "api_error"),
        ("rate_limit_error", "rate_limit_error"),
    ],
)
def test_messages(code: str, kind: str) -> None:
    expected = {"type": "error", "error": {"type": kind, "message": "m"}}
    assert event(Dialect.MESSAGES, code) == ("error", expected)
    assert json.loads(error_body(Dialect.MESSAGES, code, "m", b"")) == expected
