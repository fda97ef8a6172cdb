"""What Messages alone refuse (§5.3, §7.2)."""

from typing import Any

import pytest
from multidict import CIMultiDict

from tests.unit.simulator.asking import EDITOR, Simulated, problem

CLAUDE_CODE = (
    "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,"
    "thinking-token-count-2026-05-13,advanced-tool-use-2025-11-20"
)
MANAGED: dict[str, Any] = {"context_management": {"edits": []}}
KNOWN = {"anthropic-beta": "context-management-2025-06-27, interleaved-thinking-2025-05-14"}


def test_unknown_betas_are_named() -> None:
    told = Simulated().messages(headers={"anthropic-beta": CLAUDE_CODE})
    assert told.status == 400
    assert told.json["error"]["message"] == (
        "unsupported beta header(s): claude-code-20250219, thinking-token-count-2026-05-13 "
        "(simulated text)"
    )


def test_betas_may_be_given_in_several_headers() -> None:
    simulated = Simulated()
    headers = CIMultiDict({"Authorization": f"Bearer {simulated.token()}", **EDITOR})
    headers.add("anthropic-beta", "interleaved-thinking-2025-05-14")
    headers.add("anthropic-beta", "nonsense")
    body = {"model": "claude-sonnet-4.6", "max_tokens": 9, "messages": [{"role": "user"}]}
    told = simulated.ask("POST", "/v1/messages", headers, body)
    assert "nonsense" in told.json["error"]["message"]


def test_context_management_goes_with_its_beta() -> None:
    told = Simulated().messages(**MANAGED)
    assert problem(told) == (400, "context_management: Extra inputs are not permitted")
    assert Simulated().messages(headers=KNOWN, **MANAGED).status == 200


def test_scopes_of_caching_are_refused_with_their_place() -> None:
    scoped = {"type": "ephemeral", "scope": "global"}
    system = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "cache_control": scoped}]
    assert problem(Simulated().messages(system=system)) == (
        400,
        "system.1.cache_control.ephemeral.scope: Extra inputs are not permitted",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 4096}},
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
        ),
    ],
)
def test_limits(fields: dict[str, Any], message: str) -> None:
    told = Simulated().messages(**fields)
    assert told.status == 400
    assert told.json["error"] == {"type": "invalid_request_error", "message": message}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "t"},
        {"type": "thinking", "thinking": "t", "signature": "AAAA"},
        {"type": "redacted_thinking", "data": "AAAA"},
    ],
)
def test_thinking_that_nobody_signed_is_refused(block: dict[str, Any]) -> None:
    said = [{"role": "assistant", "content": [block]}, {"role": "user", "content": "?"}]
    told = Simulated().messages(said)
    assert told.status == 400
    assert "Invalid `signature` in `thinking` block" in told.json["error"]["message"]
