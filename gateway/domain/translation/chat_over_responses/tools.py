"""Chat's tools and tool choice as those of Responses: the same, but flat."""

from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.chat_over_responses.bodies import Fields, checked_name, missing
from gateway.domain.translation.reading import Body, invalid, refused


class Function(Body, frozen=True):
    """A function; parameters is a JSON schema."""

    name: str
    description: str | None = None
    parameters: Fields | None = None
    strict: bool | None = None


class Grammar(Body, frozen=True):
    """What a custom tool's input has to follow."""

    definition: str
    syntax: str


class Format(Body, frozen=True):
    """What form a custom tool's input has."""

    type: str = "text"
    grammar: Grammar | None = None


class Custom(Body, frozen=True):
    """A tool whose input is free text."""

    name: str
    description: str | None = None
    format: Format | None = None


class Tool(Body, frozen=True):
    """One tool."""

    type: str = "function"
    function: Function | None = None
    custom: Custom | None = None


class Named(Body, frozen=True):
    """A tool by its name."""

    name: str


class Allowed(Body, frozen=True):
    """Tools of which one may, or has to, be called."""

    mode: str
    tools: list["Choice"]


class Choice(Body, frozen=True):
    """A certain tool, or some of them."""

    type: str
    function: Named | None = None
    custom: Named | None = None
    allowed_tools: Allowed | None = None


MODES = frozenset({"none", "auto", "required"})
NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def tools_of(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools. Raises GatewayError for one that cannot be said."""
    return [_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools)]


def _tool(tool: Tool, path: str) -> dict[str, Any]:
    if tool.type == "function":
        if tool.function is None:
            raise missing(f"{path}.function")
        return _function(tool.function, f"{path}.function")
    if tool.type == "custom":
        if tool.custom is None:
            raise missing(f"{path}.custom")
        return _custom(tool.custom, f"{path}.custom")
    raise refused(f"{path}.type", "a tool can be function or custom only")


def _function(function: Function, path: str) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "function", "name": checked_name(function.name, f"{path}.name")}
    if function.description is not None:
        tool["description"] = function.description
    tool["parameters"] = function.parameters or NO_PARAMETERS
    # What is not said is lenient in chat and strict in Responses, which refuses open schemas then.
    tool["strict"] = bool(function.strict)
    return tool


def _custom(custom: Custom, path: str) -> dict[str, Any]:
    tool: dict[str, Any] = {"type": "custom", "name": checked_name(custom.name, f"{path}.name")}
    if custom.description is not None:
        tool["description"] = custom.description
    if custom.format is not None:
        grammar = custom.format.grammar
        flat = {"definition": grammar.definition, "syntax": grammar.syntax} if grammar else {}
        tool["format"] = {"type": custom.format.type, **flat}
    return tool


def choice_of(choice: str | Choice) -> str | dict[str, Any]:
    """The tool choice. Raises GatewayError for one that cannot be said."""
    if isinstance(choice, str):
        if choice not in MODES:
            raise invalid("tool_choice", "must be none, auto, required or a tool")
        return choice
    if choice.type == "allowed_tools" and choice.allowed_tools is not None:
        path = "tool_choice.allowed_tools.tools"
        listed = enumerate(choice.allowed_tools.tools)
        tools = [_named(each, f"{path}[{index}]") for index, each in listed]
        return {"type": "allowed_tools", "mode": choice.allowed_tools.mode, "tools": tools}
    return _named(choice, "tool_choice")


def _named(choice: Choice, path: str) -> dict[str, Any]:
    named = {"function": choice.function, "custom": choice.custom}.get(choice.type)
    if named is None:
        raise invalid(path, "must name a function or a custom tool")
    return {"type": choice.type, "name": named.name}
