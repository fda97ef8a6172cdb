"""Responses' tools and tool choice as chat's.

Tools that upstream would run itself, or a model know by heart, do not exist in chat. Those that
coding agents offer whether they are needed or not are left out, as other proxies do (§5.6);
whoever offers one of the others counts on it and is told.
"""

from collections.abc import Iterator
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation.chat_over_responses.bodies import missing
from gateway.domain.translation.chat_over_responses.tools import MODES, NO_PARAMETERS
from gateway.domain.translation.for_responses.names import (
    BRINGERS,
    INPUT,
    Called,
    ToolNames,
    flat_name,
)
from gateway.domain.translation.reading import invalid, refused
from gateway.domain.translation.responses_over_chat.responses_body import (
    Choice,
    Offering,
    ResponsesRequest,
    Tool,
)

LEFT_OUT = frozenset(
    {
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
        "image_generation",
        "local_shell",
        "tool_search",
    }
)

Functions = dict[str, tuple[Called, dict[str, Any]]]
"""By its name in chat: the tool as the caller knows it, and the function."""


def functions_of(offering: Offering) -> Functions:
    """The functions. Raises GatewayError for a tool that cannot be one."""
    functions: Functions = {}
    for tool, namespace, path in _listed(offering):
        name = flat_name(tool.name, namespace, path)
        called = Called(tool.name or "", namespace, tool.type == "custom")
        known = functions.setdefault(name, (called, _function(name, tool)))
        if known[0] != called:
            raise refused(f"{path}.name", "this model would have two tools of the same name")
    return functions


def names_of(functions: Functions) -> ToolNames:
    """What each of them is called."""
    return ToolNames({name: called for name, (called, _) in functions.items()})


def fields_of(asked: ResponsesRequest) -> dict[str, Any]:
    """Chat's fields for tools; nothing is said of how to choose where nothing is left."""
    functions = functions_of(asked)
    choice = None if asked.tool_choice is None else _choice(asked.tool_choice, functions)
    if not functions:
        return {}
    said: dict[str, Any] = {"tools": [function for _, function in functions.values()]}
    if choice is not None:
        said["tool_choice"] = choice
    if asked.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = asked.parallel_tool_calls
    return said


def _listed(offering: Offering) -> Iterator[tuple[Tool, str | None, str]]:
    """Each function and custom tool, with its namespace and where it stands."""
    for tool, path in _offered(offering):
        if tool.type == "namespace":
            if not tool.name:
                raise missing(f"{path}.name")
            for index, inner in enumerate(tool.tools or ()):
                yield (
                    _callable(inner, f"{path}.tools[{index}]"),
                    tool.name,
                    f"{path}.tools[{index}]",
                )
        elif tool.type not in LEFT_OUT:
            yield _callable(tool, path), None, path


def _offered(offering: Offering) -> Iterator[tuple[Tool, str]]:
    for index, tool in enumerate(offering.tools or ()):
        yield tool, f"tools[{index}]"
    for place, item in enumerate(offering.items):
        if item.type in BRINGERS:
            for index, tool in enumerate(item.tools or ()):
                yield tool, f"input[{place}].tools[{index}]"


def _callable(tool: Tool, path: str) -> Tool:
    if tool.type not in ("function", "custom"):
        raise refused(f"{path}.type", "this model has no such tool")
    return tool


def _function(name: str, tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": name}
    description = _custom_description(tool) if tool.type == "custom" else tool.description
    if description:
        function["description"] = description
    if tool.type == "custom":
        function["parameters"] = _CUSTOM_PARAMETERS
    else:
        function["parameters"] = tool.parameters or NO_PARAMETERS
        if tool.strict:
            function["strict"] = True
    return {"type": "function", "function": function}


_CUSTOM_PARAMETERS = {
    "type": "object",
    "properties": {INPUT: {"type": "string", "description": "All of the tool's input, as text."}},
    "required": [INPUT],
    "additionalProperties": False,
}


def _custom_description(tool: Tool) -> str:
    """What the tool is for, and the grammar of its input where it has one."""
    said = [tool.description or ""]
    if tool.format is not None and tool.format.definition:
        syntax = tool.format.syntax or "given"
        said.append(f"'{INPUT}' must follow this {syntax} grammar:\n{tool.format.definition}")
    return "\n\n".join(text for text in said if text)


def _choice(choice: str | Choice, functions: Functions) -> str | dict[str, Any]:
    if isinstance(choice, str):
        if choice not in MODES:
            raise invalid("tool_choice", "must be none, auto, required or a tool")
        if choice == "required" and not functions:
            raise _no_such_tool("tool_choice")
        return choice
    if choice.type != "allowed_tools":
        return _named(choice, functions, "tool_choice")
    listed = enumerate(choice.tools or ())
    tools = [
        _named(each, functions, f"tool_choice.tools[{index}]")
        for index, each in listed
        if each.type not in LEFT_OUT
    ]
    allowed = {"mode": choice.mode or "auto", "tools": tools}
    return {"type": "allowed_tools", "allowed_tools": allowed}


def _named(choice: Choice, functions: Functions, path: str) -> dict[str, Any]:
    if choice.type not in ("function", "custom"):
        raise _no_such_tool(path)
    name = flat_name(choice.name, choice.namespace, path)
    if name not in functions:
        raise _no_such_tool(path)
    return {"type": "function", "function": {"name": name}}


def _no_such_tool(path: str) -> GatewayError:
    return refused(path, "no tool that this model has is meant")
