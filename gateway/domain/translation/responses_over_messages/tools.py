"""Responses' tools as Anthropic's, and the choice among them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.domain.translation.for_responses.names import BRINGERS, Called, ToolNames
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid, refused
from gateway.domain.translation.responses_over_messages import naming
from gateway.domain.translation.responses_over_messages.turns import Message

Said = dict[str, Any]

UPSTREAMS = (
    "web_search",
    "file_search",
    "code_interpreter",
    "image_generation",
    "mcp",
    "tool_search",
    "programmatic_tool_calling",
)
"""How the types of tools begin that OpenAI runs itself. Beside others they are left out: Codex
names some in each request. A request with none but these is refused, and so is every tool that the
caller runs itself and a model has to know by heart (`local_shell`, `computer`)."""

CHOICES = {"auto": "auto", "required": "any", "none": "none"}
NAMED = frozenset({"function", "custom"})


def tools_of(request: Fields, messages: Sequence[Message]) -> Said:
    """`tools` and `tool_choice`; none without tools.

    messages: the conversation, whose calls have to be of tools that are named.
    """
    tools = _by_name(request)
    if not tools:
        return _of_history(messages)
    return _chosen(request, {name: _own(name, tool) for name, (_, tool) in tools.items()})


def names_of(request: Fields) -> ToolNames:
    """What the tools of a request are called. Raises GatewayError as `tools_of` does."""
    return ToolNames({name: called for name, (called, _) in _by_name(request).items()})


def is_forced(said: Said) -> bool:
    """Whether the model has to call a tool."""
    return said.get("tool_choice", {}).get("type") in ("any", "tool")


def _by_name(request: Fields) -> dict[str, tuple[Called, Fields]]:
    """The tools that the caller runs, by their names for Claude."""
    offered = list(_offered(request))
    tools: dict[str, tuple[Called, Fields]] = {}
    for tool, namespace in (own for each in offered for own in _of_tool(each)):
        if tool.required("type") not in NAMED:
            raise refused(tool.at("type"), "this model has no such tool")
        name = naming.flat_name(tool, namespace)
        called = Called(tool.text("name"), namespace or None, tool.text("type") == "custom")
        if tools.setdefault(name, (called, tool))[0] != called:
            raise refused(tool.at("name"), "this model would have two tools of the same name")
    if offered and not tools:
        raise refused(offered[0].at("type"), "this model has no such tool")
    return tools


def _offered(request: Fields) -> Iterator[Fields]:
    yield from request.objects("tools")
    items = request.content("input")
    for item in [] if isinstance(items, str) else items:
        if item.text("type") in BRINGERS:
            yield from item.objects("tools")


def _of_tool(tool: Fields) -> Iterator[tuple[Fields, str]]:
    """A tool, or those of a namespace; none for one that OpenAI runs."""
    kind = tool.required("type")
    if kind == "namespace":
        yield from ((inner, tool.required("name")) for inner in tool.objects("tools"))
    elif not kind.startswith(UPSTREAMS):
        yield tool, ""


def _own(name: str, tool: Fields) -> Said:
    is_custom = tool.text("type") == "custom"
    description = _custom_description(tool) if is_custom else tool.text("description")
    schema = naming.schema() if is_custom else _schema(tool)
    said = {"description": description} if description else {}
    return {"name": name, **said, "input_schema": schema}


def _schema(tool: Fields) -> Said:
    schema = tool.object("parameters").values
    return {"type": "object", "properties": {}, **schema} if "type" not in schema else schema


def _custom_description(tool: Fields) -> str:
    """What the tool is, and the grammar its text has to follow."""
    form = tool.object("format")
    description = tool.text("description")
    if form.text("type") != "grammar":
        return description
    grammar = f"The input follows this {form.text('syntax')} grammar:\n{form.text('definition')}"
    return f"{description}\n\n{grammar}" if description else grammar


def _of_history(messages: Sequence[Message]) -> Said:
    """Tools that are called in the conversation and offered no more, as Codex's are when it has the
    conversation summed up. Anthropic wants them named; they cannot be called."""
    names = {
        block["name"]: None
        for message in messages
        for block in message["content"]
        if block["type"] == "tool_use"
    }
    if not names:
        return {}
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in names]
    return {"tools": tools, "tool_choice": {"type": "none"}}


# --- the choice ---


def _chosen(request: Fields, tools: Mapping[str, Said]) -> Said:
    choice, offered = request.raw("tool_choice"), list(tools.values())
    if choice is None or isinstance(choice, str):
        said: Said = {"type": _choice(choice or "auto", request.at("tool_choice"))}
    else:
        said, offered = _by_object(request.object("tool_choice"), tools)
    if request.flag("parallel_tool_calls") is False and said["type"] != "none":
        said = {**said, "disable_parallel_tool_use": True}
    return {"tools": offered, **({"tool_choice": said} if said != {"type": "auto"} else {})}


def _by_object(choice: Fields, tools: Mapping[str, Said]) -> tuple[Said, list[Said]]:
    kind = choice.required("type")
    if kind == "allowed_tools":
        mode = _choice(choice.text("mode") or "auto", choice.at("mode"))
        return {"type": mode}, _only(choice, tools)
    if kind not in NAMED:
        raise refused(choice.at("type"), "this model has no such tool")
    return {"type": "tool", "name": _name_in(choice, tools)}, list(tools.values())


def _choice(word: str, path: str) -> str:
    if word not in CHOICES:
        raise invalid(path, "must be auto, required or none, or name tools")
    return CHOICES[word]


def _only(choice: Fields, tools: Mapping[str, Said]) -> list[Said]:
    """The tools that are allowed; all of them have to be there."""
    allowed = choice.objects("tools")
    names = [
        _name_in(each, tools) for each in allowed if not each.text("type").startswith(UPSTREAMS)
    ]
    if not names:
        raise invalid(choice.at("tools"), "must name a tool that this model has")
    return [tools[name] for name in dict.fromkeys(names)]


def _name_in(named: Fields, tools: Mapping[str, Said]) -> str:
    name = naming.flat_name(named, named.text("namespace"))
    if name not in tools:
        raise refused(named.at("name"), "this model has no such tool")
    return name
