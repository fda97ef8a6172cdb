"""What the simulated model says: text that quotes the request, or calls of its tools.

Deterministic. Every text says that it is simulated. How a reply is written on the wire is
chat_stream.py's and chat_whole.py's.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from simulator.scenario.faults import Script
from simulator.wire.answer import encode
from simulator.wire.catalogue import Family, Model
from simulator.wire.chat_request import (
    CHARACTERS_PER_TOKEN,
    ChatRequest,
    Function,
    estimate_tokens,
)
from simulator.wire.schema_values import arguments_for

QUOTED_CHARACTERS = 400
ARGUMENT_CHARACTERS = 12
NO_TOOLS_WORDS = "without tools"

_WORDS = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True)
class Call:
    """One call of a tool; arguments is JSON."""

    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What is said. With calls, text is what a Claude model says before them."""

    text: str = field(repr=False)
    calls: tuple[Call, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int


def reply_to(request: ChatRequest, model: Model, script: Script) -> Reply:
    """The model's reply to a request, as the script wants it."""
    calls = _calls(request, script)
    text = _preamble(model, calls) if calls else _text(request, model, script)
    text, is_cut = _within(text, request.output_limit)
    reason = "tool_calls" if calls else "length" if is_cut else "stop"
    said = text if not calls or model.family is Family.CLAUDE else ""
    prompt = request.prompt_tokens
    return Reply(
        text=said,
        calls=calls,
        finish_reason=script.finish_reason or reason,
        prompt_tokens=prompt,
        completion_tokens=_count(said, calls),
        cached_tokens=min(script.cached_tokens, prompt),
    )


def pieces_of(text: str, script: Script) -> list[str]:
    """A text cut as the script says: of so many characters, in so many pieces, or by words."""
    size, count = script.chunk_characters, script.chunks
    if size is not None:
        return [text[i : i + size] for i in range(0, len(text), size)]
    if count is not None:
        ends = [number * len(text) // count for number in range(count + 1)]
        return [text[start:end] for start, end in pairwise(ends) if end > start]
    return _WORDS.findall(text) or [text] * bool(text)


def stretched(text: str, script: Script) -> str:
    """A text repeated until it fills the pieces that the script asks for."""
    if script.chunks is None or not text:
        return text
    wanted = script.chunks * (script.chunk_characters or 1)
    if script.chunk_characters is None and len(text) >= wanted:
        return text
    return (text * -(-wanted // len(text)))[:wanted]


def argument_pieces(call: Call) -> list[str]:
    """A call's arguments as a stream brings them."""
    text = call.arguments
    return [text[i : i + ARGUMENT_CHARACTERS] for i in range(0, len(text), ARGUMENT_CHARACTERS)]


def _text(request: ChatRequest, model: Model, script: Script) -> str:
    text = script.text
    if text is None:
        last = request.messages[-1] if request.messages else None
        said = last.text[:QUOTED_CHARACTERS] if last else ""
        who = "The tool answered" if last and last.role == "tool" else "You said"
        text = f"This is a simulated answer from {model.id}. {who}: {said}"
    return stretched(text, script)


def _preamble(model: Model, calls: Sequence[Call]) -> str:
    return f"This is a simulated answer from {model.id}. It calls {calls[0].name}."


def _calls(request: ChatRequest, script: Script) -> tuple[Call, ...]:
    function = _function(request)
    if function is None or not script.call_tools:
        return ()
    arguments = encode(arguments_for(function.parameters)).decode()
    return tuple(
        Call(_call_id(function.name, arguments, number), function.name, arguments)
        for number in range(script.parallel_tool_calls)
    )


def _function(request: ChatRequest) -> Function | None:
    """The tool this request makes the model call; None if it is to answer in text."""
    functions = [tool.function for tool in request.tools or () if tool.function]
    if not functions or not request.messages or request.tool_choice == "none":
        return None
    if isinstance(request.tool_choice, dict):
        inner = request.tool_choice.get("function")
        wanted = inner.get("name") if isinstance(inner, dict) else None
        return next((each for each in functions if each.name == wanted), functions[0])
    last = request.messages[-1]
    if request.tool_choice == "required":
        return functions[0]
    if last.role != "user" or NO_TOOLS_WORDS in last.text.lower():
        return None
    return functions[0]


def _call_id(name: str, arguments: str, number: int) -> str:
    digest = hashlib.sha256(f"{name}\n{arguments}\n{number}".encode()).hexdigest()
    return f"call_{digest[:24]}"


def _within(text: str, limit: int | None) -> tuple[str, bool]:
    if limit is None or estimate_tokens(text) <= limit:
        return text, False
    return text[: max(limit, 0) * CHARACTERS_PER_TOKEN], True


def _count(text: str, calls: Sequence[Call]) -> int:
    return estimate_tokens(text) + sum(
        estimate_tokens(call.name) + estimate_tokens(call.arguments) for call in calls
    )
