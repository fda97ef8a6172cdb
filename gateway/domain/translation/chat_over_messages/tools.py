"""Chat's functions as Anthropic's tools, and the choice among them."""

import re
from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.chat_over_messages.chat_body import (
    AllowedTools,
    ChatRequest,
    Tool,
    ToolChoice,
)
from gateway.domain.translation.reading import invalid, refused

Fields = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CHOICES = {"auto": "auto", "required": "any", "none": "none"}
FORCED = frozenset({"any", "tool"})
"""Choices that make the model call something; with these it may not think."""


def checked_name(name: str, path: str) -> str:
    """A function's name. Raises GatewayError for one that upstream does not take."""
    if NAME.fullmatch(name):
        return name
    raise refused(path, "must be 1 to 64 letters, digits, '_' or '-'")


def fields_of(request: ChatRequest) -> Fields:
    """`tools` and `tool_choice`; none without tools."""
    tools = [_tool(tool, f"tools[{index}]") for index, tool in enumerate(request.tools or ())]
    if not tools:
        return {}
    choice = request.tool_choice
    if isinstance(choice, ToolChoice) and choice.allowed_tools is not None:
        tools, choice = _allowed(tools, choice.allowed_tools), choice.allowed_tools.mode
    chosen = _choice(choice)
    if request.parallel_tool_calls is False and chosen.get("type") != "none":
        chosen = {"type": "auto", **chosen, "disable_parallel_tool_use": True}
    return {"tools": tools, **({"tool_choice": chosen} if chosen else {})}


def is_forced(fields: Fields) -> bool:
    """Whether these fields make the model call a tool."""
    return fields.get("tool_choice", {}).get("type") in FORCED


def _tool(tool: Tool, path: str) -> Fields:
    if tool.type != "function":
        raise refused(f"{path}.type", "this model takes functions only")
    function = tool.function
    if function is None:
        raise invalid(f"{path}.function", "is required")
    fields: Fields = {"name": checked_name(function.name, f"{path}.function.name")}
    if function.description:
        fields["description"] = function.description
    fields["input_schema"] = {"type": "object", "properties": {}, **(function.parameters or {})}
    return fields


def _choice(choice: str | ToolChoice | None) -> Fields:
    if choice is None:
        return {}
    if isinstance(choice, ToolChoice):
        return _named(choice)
    if choice not in CHOICES:
        raise invalid("tool_choice", "must be auto, none, required or a function")
    return {"type": CHOICES[choice]}


def _named(choice: ToolChoice) -> Fields:
    if choice.type != "function":
        raise refused("tool_choice.type", "this model takes functions only")
    if choice.function is None:
        raise invalid("tool_choice.function", "is required")
    return {"type": "tool", "name": choice.function.name}


def _allowed(tools: Sequence[Fields], allowed: AllowedTools) -> list[Fields]:
    """The tools that may be called; Anthropic takes no others beside them."""
    names = {each.function.name for each in allowed.tools if each.function}
    kept = [tool for tool in tools if tool["name"] in names]
    if not kept:
        raise invalid("tool_choice.allowed_tools.tools", "must name at least one of the tools")
    return kept
