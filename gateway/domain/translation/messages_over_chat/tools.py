"""Anthropic's tools as chat's functions, and the choice among them."""

import re
from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.messages_over_chat.formats import is_strict
from gateway.domain.translation.messages_over_chat.messages_body import Tool, ToolChoice
from gateway.domain.translation.reading import invalid, refused

Fields = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

OWN = frozenset({None, "custom"})
"""The type of a tool that the caller describes itself."""
UPSTREAMS = ("web_search_", "web_fetch_", "code_execution_", "tool_search_tool_")
"""How the types of tools begin that Anthropic runs itself. A model without them answers without
them, so they are left out; what the caller runs itself and a model has to know by heart is not."""

CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def checked_name(name: str, path: str) -> str:
    """A function's name. Raises GatewayError for one that chat does not take."""
    if NAME.fullmatch(name):
        return name
    raise refused(path, "must be 1 to 64 letters, digits, '_' or '-' for this model")


def fields_of(tools: Sequence[Tool] | None, choice: ToolChoice | None) -> Fields:
    """`tools`, `tool_choice` and `parallel_tool_calls`; none without tools."""
    functions = [
        _function(tool, f"tools[{index}]")
        for index, tool in enumerate(tools or ())
        if not _is_upstreams(tool)
    ]
    names = {each["function"]["name"] for each in functions}
    if choice is not None and choice.type == "tool" and choice.name not in names:
        raise refused("tool_choice.name", "this model has no such tool")
    if not functions:
        return {}
    return {"tools": functions, **_choice(choice)}


def _is_upstreams(tool: Tool) -> bool:
    return (tool.type or "").startswith(UPSTREAMS)


def _function(tool: Tool, path: str) -> Fields:
    if tool.type not in OWN:
        raise refused(f"{path}.type", "this model has no such tool")
    if tool.input_schema is None:
        raise invalid(f"{path}.input_schema", "is required")
    function: Fields = {"name": checked_name(tool.name, f"{path}.name")}
    if tool.description:
        function["description"] = tool.description
    # OpenAI wants both said, even of a function that takes nothing.
    function["parameters"] = {"type": "object", "properties": {}, **tool.input_schema}
    if tool.strict and is_strict(tool.input_schema):
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice | None) -> Fields:
    if choice is None:
        return {}
    fields: Fields = {"parallel_tool_calls": False} if choice.disable_parallel_tool_use else {}
    if choice.type == "tool":
        return {"tool_choice": {"type": "function", "function": {"name": choice.name}}, **fields}
    if choice.type not in CHOICES:
        raise invalid("tool_choice.type", "must be auto, any, tool or none")
    return {"tool_choice": CHOICES[choice.type], **fields}
