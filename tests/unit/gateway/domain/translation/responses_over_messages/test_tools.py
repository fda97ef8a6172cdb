"""Responses' tools are offered to Claude, and the choice among them stays the same."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.responses_over_messages import naming
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.translation.messages_and_responses import encoded

Body = dict[str, Any]

SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
SEARCH = {"type": "function", "name": "search", "parameters": SCHEMA, "strict": True}
FIND = {"type": "function", "name": "find"}
PATCH = {"type": "custom", "name": "patch", "description": "Edits."}
HOSTED = {"type": "web_search", "external_web_access": False}


def translated(tools: list[Any] | None = None, **fields: Any) -> Body:
    body = {"model": "claude-sonnet-4.5", "input": "hello", "tools": tools, **fields}
    made: Body = json.loads(RESPONSES_OVER_MESSAGES.request(encoded(body)))
    return made


def tools_of(*tools: Any, **fields: Any) -> list[Body]:
    made: list[Body] = translated(list(tools), **fields).get("tools", [])
    for tool in made:
        tool.pop("cache_control", None)
    return made


def refusal(**fields: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        translated(**fields)
    return caught.value


def test_a_function_is_a_tool() -> None:
    assert tools_of({**SEARCH, "description": "Looks."}, FIND) == [
        {"name": "search", "description": "Looks.", "input_schema": SCHEMA},
        {"name": "find", "input_schema": {"type": "object", "properties": {}}},
    ]


@pytest.mark.parametrize(
    ("form", "description"),
    [
        (None, "Edits."),
        ({"type": "text"}, "Edits."),
        (
            {"type": "grammar", "syntax": "lark", "definition": "start: A"},
            "Edits.\n\nThe input follows this lark grammar:\nstart: A",
        ),
    ],
)
def test_a_custom_tool_is_one_with_a_field_for_its_text(form: Any, description: str) -> None:
    assert tools_of({**PATCH, "format": form}) == [
        {"name": "patch", "description": description, "input_schema": naming.schema()}
    ]
    assert list(naming.schema()["properties"]) == ["input"]


def test_tools_in_a_namespace_have_it_in_their_names() -> None:
    space = {"type": "namespace", "name": "mcp__docs", "description": "D", "tools": [FIND, PATCH]}
    names = [tool["name"] for tool in tools_of(space, SEARCH)]
    assert names == ["mcp__docs__find", "mcp__docs__patch", "search"]


@pytest.mark.parametrize("kind", ["additional_tools", "tool_search_output"])
def test_tools_that_come_with_the_input_are_tools(kind: str) -> None:
    added = {"type": kind, "role": "developer", "tools": [PATCH]}
    hello = {"role": "user", "content": "hello"}
    names = [tool["name"] for tool in tools_of(SEARCH, input=[added, hello])]
    assert names == ["search", "patch"]


def test_tools_that_openai_runs_are_left_out_beside_others() -> None:
    assert [tool["name"] for tool in tools_of(HOSTED, SEARCH, {"type": "tool_search"})] == [
        "search"
    ]


def test_tools_of_the_history_are_named_where_none_are_offered() -> None:
    """Codex has a conversation summed up without any; Anthropic wants to know what was called."""
    items = [
        {"role": "user", "content": "a"},
        {"type": "function_call", "call_id": "1", "name": "search", "arguments": "{}"},
        {"type": "function_call", "call_id": "2", "name": "search", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "b"},
        {"type": "function_call_output", "call_id": "2", "output": "b"},
        {"role": "user", "content": "Sum up."},
    ]
    found = translated([], input=items)
    assert [tool["name"] for tool in found["tools"]] == ["search"]
    assert found["tool_choice"] == {"type": "none"}


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        (None, None),
        ("auto", None),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ({"type": "function", "name": "search"}, {"type": "tool", "name": "search"}),
        ({"type": "custom", "name": "patch"}, {"type": "tool", "name": "patch"}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, made: Any) -> None:
    assert translated([SEARCH, PATCH], tool_choice=choice).get("tool_choice") == made


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ("auto", {"type": "auto", "disable_parallel_tool_use": True}),
        ("required", {"type": "any", "disable_parallel_tool_use": True}),
        ("none", {"type": "none"}),
    ],
)
def test_one_call_at_a_time(choice: str, made: Body) -> None:
    found = translated([SEARCH], tool_choice=choice, parallel_tool_calls=False)
    assert found["tool_choice"] == made


@pytest.mark.parametrize(("mode", "made"), [("auto", None), ("required", {"type": "any"})])
def test_only_allowed_tools_are_offered(mode: str, made: Any) -> None:
    allowed = [{"type": "function", "name": "find"}, {"type": "web_search"}]
    choice = {"type": "allowed_tools", "mode": mode, "tools": allowed}
    found = translated([SEARCH, FIND, HOSTED], tool_choice=choice)
    assert [tool["name"] for tool in found["tools"]] == ["find"]
    assert found.get("tool_choice") == made


def test_nothing_is_said_of_a_choice_without_tools() -> None:
    assert "tool_choice" not in translated(tool_choice="auto", parallel_tool_calls=False)


@pytest.mark.parametrize(
    ("fields", "fault", "param"),
    [
        ({"tools": [HOSTED]}, Fault.CALLER_REQUEST_REFUSED, "tools[0].type"),
        ({"tools": [{"type": "local_shell"}]}, Fault.CALLER_REQUEST_REFUSED, "tools[0].type"),
        ({"tools": [{"type": "computer"}, FIND]}, Fault.CALLER_REQUEST_REFUSED, "tools[0].type"),
        (
            {"tools": [FIND, {**PATCH, "name": "find"}]},
            Fault.CALLER_REQUEST_REFUSED,
            "tools[1].name",
        ),
        ({"tools": [{**FIND, "name": "a b"}]}, Fault.CALLER_BODY_INVALID, "tools[0].name"),
        ({"tools": [{**FIND, "name": "a" * 65}]}, Fault.CALLER_BODY_INVALID, "tools[0].name"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [HOSTED]}]},
            Fault.CALLER_REQUEST_REFUSED,
            "tools[0].tools[0].type",
        ),
        ({"tools": [{"type": "function"}]}, Fault.CALLER_BODY_INVALID, "tools[0].name"),
        ({"tools": [{"name": "a"}]}, Fault.CALLER_BODY_INVALID, "tools[0].type"),
        ({"tools": "all"}, Fault.CALLER_BODY_INVALID, "tools"),
        ({"tools": [{**FIND, "parameters": []}]}, Fault.CALLER_BODY_INVALID, "tools[0].parameters"),
        ({"tools": [FIND], "tool_choice": "some"}, Fault.CALLER_BODY_INVALID, "tool_choice"),
        ({"tools": [FIND], "tool_choice": {}}, Fault.CALLER_BODY_INVALID, "tool_choice.type"),
        (
            {"tools": [FIND], "tool_choice": {"type": "function", "name": "x"}},
            Fault.CALLER_REQUEST_REFUSED,
            "tool_choice.name",
        ),
        (
            {"tools": [FIND], "tool_choice": {"type": "web_search"}},
            Fault.CALLER_REQUEST_REFUSED,
            "tool_choice.type",
        ),
        (
            {"tools": [FIND], "tool_choice": {"type": "allowed_tools", "tools": []}},
            Fault.CALLER_BODY_INVALID,
            "tool_choice.tools",
        ),
        (
            {"tools": [FIND], "parallel_tool_calls": "no"},
            Fault.CALLER_BODY_INVALID,
            "parallel_tool_calls",
        ),
    ],
)
def test_what_is_turned_away_is_named(fields: Body, fault: Fault, param: str) -> None:
    error = refusal(**fields)
    assert (error.fault, error.param) == (fault, param)
