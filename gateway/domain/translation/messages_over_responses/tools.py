"""Anthropic's tools as Responses' functions, and the choice among them."""

import re
from typing import Any

from gateway.domain.translation.messages_over_chat.formats import is_strict
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid, refused

Said = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")

OWN = frozenset({"", "custom"})
"""The type of a tool that the caller describes itself."""
UPSTREAMS = (
    "web_search_",
    "web_fetch_",
    "code_execution_",
    "tool_search_tool_",
    "advisor_",
    "mcp_toolset",
)
"""How the types of tools begin that Anthropic runs itself. Beside others they are left out. A
request with none but these is refused: it is a search or an execution, and nothing else. What the
caller runs itself and a model has to know by heart (`bash_`, `text_editor_`) is refused."""

CHOICES = {"auto": "auto", "any": "required", "none": "none"}


def checked_name(tool: Fields) -> str:
    """A function's name. Raises GatewayError for one that Responses does not take."""
    name = tool.required("name")
    if NAME.fullmatch(name):
        return name
    raise refused(tool.at("name"), "must be 1 to 64 letters, digits, '_' or '-' for this model")


def tools_of(request: Fields) -> Said:
    """`tools`, `tool_choice` and `parallel_tool_calls`; none without tools."""
    tools = request.objects("tools")
    own = [tool for tool in tools if not tool.text("type").startswith(UPSTREAMS)]
    if tools and not own:
        raise refused(tools[0].at("type"), "this model has no such tool")
    functions = [_function(tool) for tool in own]
    choice = request.object("tool_choice")
    if choice.text("type") == "tool" and choice.text("name") not in {
        each["name"] for each in functions
    }:
        raise refused(choice.at("name"), "this model has no such tool")
    return {"tools": functions, **_choice(choice)} if functions else {}


def _function(tool: Fields) -> Said:
    if tool.text("type") not in OWN:
        raise refused(tool.at("type"), "this model has no such tool")
    function: Said = {"type": "function", "name": checked_name(tool)}
    if tool.text("description"):
        function["description"] = tool.text("description")
    if not tool.has("input_schema"):
        raise invalid(tool.at("input_schema"), "is required")
    schema = tool.object("input_schema").values
    # OpenAI wants both said, even of a function that takes nothing.
    function["parameters"] = {"type": "object", "properties": {}, **schema}
    # Where it is not said upstream makes a schema stricter than it is.
    function["strict"] = bool(tool.flag("strict")) and is_strict(schema)
    return function


def _choice(choice: Fields) -> Said:
    said: Said = {"parallel_tool_calls": False} if choice.flag("disable_parallel_tool_use") else {}
    kind = choice.text("type")
    if kind == "tool":
        return {"tool_choice": {"type": "function", "name": choice.required("name")}, **said}
    if kind in CHOICES:
        return {"tool_choice": CHOICES[kind], **said}
    if choice.values:
        raise invalid(choice.at("type"), "must be auto, any, tool or none")
    return said
