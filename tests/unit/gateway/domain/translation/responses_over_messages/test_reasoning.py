"""Responses' reasoning becomes what each version of Claude takes of thinking."""

import json
from typing import Any

import pytest

from gateway.domain.translation.messages_over_responses import reasoning as to_effort
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.responses_over_messages import reasoning, sealed
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.translation.messages_and_responses import encoded

Body = dict[str, Any]

FUNCTION = {"type": "function", "name": "search"}


def found(model: str, **fields: Any) -> tuple[Any, Any]:
    """Thinking and the effort."""
    body = {"model": model, "input": "hello", "stream": True, **fields}
    made = json.loads(RESPONSES_OVER_MESSAGES.request(encoded(body)))
    return made.get("thinking"), made.get("output_config", {}).get("effort")


def budget(tokens: int) -> Body:
    return {"type": "enabled", "budget_tokens": tokens}


ADAPTIVE = {"type": "adaptive"}
SHOWN = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("claude-sonnet-4.6", (4, 6)),
        ("claude-sonnet-4-6-20260101", (4, 6)),
        ("claude-opus-4.8-fast", (4, 8)),
        ("claude-opus-4-1-20250805", (4, 1)),
        ("claude-sonnet-4-20250514", (4, 0)),
        ("claude-sonnet-4", (4, 0)),
        ("claude-fable-5", (5, 0)),
        ("claude-opus-5-5", (5, 5)),
        ("claude-haiku-10.12", (10, 12)),
        ("claude-3-7-sonnet", (0, 0)),
        ("something", (0, 0)),
    ],
)
def test_a_models_name_tells_its_version(name: str, version: tuple[int, int]) -> None:
    assert reasoning.version_of(name) == version


@pytest.mark.parametrize(
    ("model", "asked", "made"),
    [
        # By a budget.
        ("claude-sonnet-4.5", None, (None, None)),
        ("claude-sonnet-4.5", {}, (None, None)),
        ("claude-sonnet-4.5", {"effort": "none", "summary": "auto"}, (None, None)),
        ("claude-sonnet-4.5", {"effort": "minimal"}, (budget(1024), None)),
        ("claude-sonnet-4.5", {"effort": "low"}, (budget(4096), None)),
        ("claude-sonnet-4.5", {"effort": "medium"}, (budget(8192), None)),
        ("claude-sonnet-4.5", {"effort": "high"}, (budget(16_000), None)),
        ("claude-sonnet-4.5", {"effort": "xhigh"}, (budget(16_000), None)),
        ("claude-sonnet-4.5", {"summary": "auto"}, (budget(8192), None)),
        # By an effort.
        ("claude-sonnet-4.6", {"effort": "minimal"}, (ADAPTIVE, "low")),
        ("claude-sonnet-4.6", {"effort": "high", "summary": "auto"}, (ADAPTIVE, "high")),
        ("claude-sonnet-4.6", {"effort": "xhigh"}, (ADAPTIVE, "high")),
        ("claude-sonnet-4.6", {"effort": "max"}, (ADAPTIVE, "max")),
        ("claude-sonnet-4.6", None, (None, None)),
        ("claude-opus-4.7", {"effort": "xhigh"}, (ADAPTIVE, "xhigh")),
        ("claude-opus-5", {"effort": "high", "summary": "auto"}, (SHOWN, "high")),
        ("claude-opus-5", {"summary": "detailed"}, (SHOWN, "medium")),
        ("claude-opus-5", {"effort": "none"}, (None, None)),
    ],
)
def test_how_much_to_think(model: str, asked: Any, made: tuple[Any, Any]) -> None:
    assert found(model, reasoning=asked) == made


@pytest.mark.parametrize(
    ("limit", "made"),
    [(64_000, budget(16_384)), (10_000, budget(5000)), (2048, budget(1024)), (2047, None)],
)
def test_thinking_leaves_room_for_the_answer(limit: int, made: Any) -> None:
    asked = {"reasoning": {"effort": "high"}, "max_output_tokens": limit}
    assert found("claude-sonnet-4.5", **asked) == (made, None)


def test_a_model_that_has_to_call_does_not_think() -> None:
    asked = {"reasoning": {"effort": "high"}, "tools": [FUNCTION], "tool_choice": "required"}
    assert found("claude-sonnet-4.5", **asked) == (None, None)
    assert found("claude-sonnet-4.6", **asked) == (None, "high")


CALL = {"type": "function_call", "call_id": "1", "name": "search", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": "a"}
USER = {"role": "user", "content": "a"}
THOUGHT = {"type": "reasoning", "encrypted_content": sealed.of_thinking("Hm.", "s")}
HIDDEN = {"type": "reasoning", "encrypted_content": sealed.of_redacted("s")}


@pytest.mark.parametrize(
    ("items", "thinks"),
    [
        ([USER, CALL, OUTPUT], False),
        ([USER, THOUGHT, CALL, OUTPUT], True),
        ([USER, HIDDEN, CALL, OUTPUT], True),
        ([USER, CALL, OUTPUT, {"role": "assistant", "content": "b"}, USER], True),
        ([USER], True),
    ],
)
def test_in_the_middle_of_a_tools_use_a_budget_needs_the_thinking_before(
    items: list[Body], thinks: bool
) -> None:
    """Upstream refuses the request otherwise; an adaptive model takes it."""
    asked = {"reasoning": {"effort": "low"}, "input": items, "tools": [FUNCTION]}
    assert found("claude-sonnet-4.5", **asked)[0] == (budget(4096) if thinks else None)
    assert found("claude-sonnet-4.6", **asked)[0] == ADAPTIVE


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_an_effort_comes_back_as_itself(effort: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": reasoning.BUDGETS[effort]}
    said = to_effort.reasoning_of(Fields({"thinking": thinking}))
    assert said["reasoning"]["effort"] == effort
