"""What is changed so that Copilot takes a request, and that nothing else is."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.fitting import fit, kept_betas, without_effort
from gateway.domain.protocols import Protocol

CHAT, RESPONSES, MESSAGES = Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES


def fitted(
    protocol: Protocol, fields: dict[str, Any], model: str = "m", betas: tuple[str, ...] = ()
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fit(protocol, json.dumps(fields).encode(), model, betas))
    return found


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        (CHAT, {"model": "gpt-4o", "max_tokens": 5, "messages": [], "new": 1}),
        (CHAT, {"model": "gpt-5-mini", "max_completion_tokens": 5, "messages": []}),
        (RESPONSES, {"model": "m", "input": "client_metadata", "tools": [{"type": "function"}]}),
        (RESPONSES, {"model": "m", "input": [{"type": "item_reference", "id": "x"}]}),
        (RESPONSES, {"model": "m", "input": [{"type": "function_call_output", "call_id": "c"}]}),
        (MESSAGES, {"model": "m", "max_tokens": 5, "messages": [], "metadata": {"user_id": "u"}}),
        (
            MESSAGES,
            {
                "model": "m",
                "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
                "messages": [{"role": "user", "content": "scope"}],
            },
        ),
        (Protocol.EMBEDDINGS, {"model": "m", "input": ["x"], "new": 1}),
    ],
)
def test_what_fits_is_the_same_object(protocol: Protocol, fields: dict[str, Any]) -> None:
    body = json.dumps(fields).encode()
    assert fit(protocol, body, fields["model"]) is body


@pytest.mark.parametrize("model", ["gpt-5-mini", "gpt-5.4", "o3-mini"])
def test_newer_chat_models_count_completion_tokens(model: str) -> None:
    assert fitted(CHAT, {"max_tokens": 5, "x": 1}, model) == {"max_completion_tokens": 5, "x": 1}
    both = {"max_tokens": 5, "max_completion_tokens": 9}
    assert fitted(CHAT, both, model) == {"max_completion_tokens": 9}


@pytest.mark.parametrize("name", ["max_output_tokens", "client_metadata", "service_tier"])
def test_what_responses_refuses_is_left_out(name: str) -> None:
    assert fitted(RESPONSES, {"input": "x", name: 5}) == {"input": "x"}


def test_hosted_tools_are_left_out_and_the_choice_with_the_last_one() -> None:
    function = {"type": "function", "name": "f"}
    asked = {"input": "x", "tools": [function, {"type": "web_search"}], "tool_choice": "auto"}
    assert fitted(RESPONSES, asked) == {"input": "x", "tools": [function], "tool_choice": "auto"}
    only = {"input": "x", "tools": [{"type": "image_generation"}], "tool_choice": "required"}
    assert fitted(RESPONSES, only) == {"input": "x"}


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "assistant", "content": []},
        {"role": "assistant", "content": "x"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
    ],
)
def test_items_go_without_ids_that_upstream_may_not_take_back(item: dict[str, Any]) -> None:
    assert fitted(RESPONSES, {"input": [{**item, "id": "seen"}]}) == {"input": [item]}


def test_reasoning_that_is_only_an_id_leads_nowhere() -> None:
    person = {"role": "user", "content": "x"}
    asked = {"input": [person, {"type": "reasoning", "id": "seen", "summary": []}, person]}
    assert fitted(RESPONSES, asked) == {"input": [person, person]}


def test_messages_have_no_field_that_upstream_does_not_know() -> None:
    asked = {"model": "m", "messages": [], "inference_geo": "eu", "context_management": {}}
    assert fitted(MESSAGES, asked) == {"model": "m", "messages": []}
    beta = ("context-management-2025-06-27",)
    assert fitted(MESSAGES, asked, betas=beta) == {
        "model": "m",
        "messages": [],
        "context_management": {},
    }


def test_metadata_is_the_user_and_nothing_else() -> None:
    asked = {"messages": [], "metadata": {"user_id": "u", "team": "t"}}
    assert fitted(MESSAGES, asked) == {"messages": [], "metadata": {"user_id": "u"}}


def test_marks_for_the_cache_stay_where_upstream_takes_them() -> None:
    mark = {"type": "ephemeral"}
    scoped = {**mark, "scope": "global"}
    inner = {"type": "text", "text": "x", "cache_control": mark}
    result = {"type": "tool_result", "content": [inner], "cache_control": scoped}
    asked = {
        "system": [{"type": "text", "text": "x", "cache_control": scoped}],
        "tools": [{"name": "t", "cache_control": scoped, "input_schema": {"cache_control": 1}}],
        "messages": [{"role": "user", "content": [result]}],
    }
    assert fitted(MESSAGES, asked) == {
        "system": [{"type": "text", "text": "x", "cache_control": mark}],
        "tools": [{"name": "t", "cache_control": mark, "input_schema": {"cache_control": 1}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "content": [{"type": "text", "text": "x"}],
                        "cache_control": mark,
                    }
                ],
            }
        ],
    }


def test_only_betas_that_upstream_accepts_are_kept() -> None:
    sent = (
        "claude-code-20250219, interleaved-thinking-2025-05-14,context-management-2025-06-27, "
        "thinking-token-count-2026-05-13, advanced-tool-use-2025-11-20"
    )
    assert kept_betas(sent) == (
        "interleaved-thinking-2025-05-14",
        "context-management-2025-06-27",
        "advanced-tool-use-2025-11-20",
    )
    assert kept_betas(None) == kept_betas("") == ()


def test_thinking_that_nobody_signed_is_left_out() -> None:
    """It came from a model of another protocol; Claude would refuse every later turn."""
    unsigned = {"type": "thinking", "thinking": "hm", "signature": ""}
    signed = {"type": "thinking", "thinking": "hm", "signature": "c2VhbGVk"}
    text = {"type": "text", "text": "x"}
    person = {"role": "user", "content": "x"}
    asked = {
        "messages": [
            person,
            {"role": "assistant", "content": [unsigned, text]},
            person,
            {"role": "assistant", "content": [unsigned]},
            {"role": "assistant", "content": [signed, text]},
        ]
    }
    assert fitted(MESSAGES, asked) == {
        "messages": [
            person,
            {"role": "assistant", "content": [text]},
            person,
            {"role": "assistant", "content": [signed, text]},
        ]
    }


def test_what_is_nested_too_deeply_is_said_to_be() -> None:
    inner = b'{"type":"text","cache_control":{"scope":1}}'
    body = b'{"messages":[{"role":"user","content":[' + b'{"content":[' * 400 + inner
    body += b"]}" * 400 + b"]}]}"
    with pytest.raises(GatewayError) as caught:
        fit(MESSAGES, body, "m")
    assert caught.value.fault is Fault.CALLER_BODY_INVALID


def test_a_model_that_takes_no_effort_is_told_none() -> None:
    asked = {"model": "gpt-4.1", "reasoning_effort": "high", "messages": []}
    found = json.loads(without_effort(json.dumps(asked).encode()))
    assert found == {"model": "gpt-4.1", "messages": []}
    body = b'{"model":"gpt-4.1","messages":[]}'
    assert without_effort(body) is body
