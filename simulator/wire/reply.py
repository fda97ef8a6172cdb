"""What the simulated model says: text that quotes the request, or calls of its tools.

Deterministic. Every text says that it is simulated. How a reply is written on the wire is
each protocol's `…_stream.py`'s and `…_whole.py`'s.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from simulator.scenario.faults import Script
from simulator.wire.answer import encode
from simulator.wire.catalogue import Family, Model
from simulator.wire.prompt import (
    CHARACTERS_PER_TOKEN,
    Calling,
    Prompt,
    Speaker,
    Tool,
    estimate_tokens,
)
from simulator.wire.schema_values import arguments_for

QUOTED_CHARACTERS = 400
ARGUMENT_CHARACTERS = 12
NO_TOOLS_WORDS = "without tools"
REASONING = "This is simulated reasoning. "

# What a custom tool is given: Codex's patch tool understands one form only.
CUSTOM_INPUTS = {
    "apply_patch": "*** Begin Patch\n*** Add File: simulated.txt\n+simulated\n*** End Patch\n"
}
CUSTOM_INPUT = "simulated input"

_WORDS = re.compile(r"\s*\S+\s*")


@dataclass(frozen=True)
class Call:
    """One call of a tool; arguments is JSON, or a custom tool's text.

    digits: what its id is made of in every protocol.
    """

    digits: str
    name: str
    arguments: str = field(repr=False)
    is_custom: bool = False

    @property
    def id(self) -> str:
        """Its id as OpenAI's protocols write it."""
        return f"call_{self.digits}"


@dataclass(frozen=True)
class Reply:
    """What is said. With calls, text is what a Claude model says before them.

    reasoning: what the model thinks before it speaks; its tokens are among the completion's.
    """

    text: str = field(repr=False)
    calls: tuple[Call, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning: str = field(default="", repr=False)

    @property
    def reasoning_tokens(self) -> int:
        """How many of the completion's tokens are reasoning."""
        return estimate_tokens(self.reasoning)


def reply_to(prompt: Prompt, model: Model, script: Script) -> Reply:
    """The model's reply to a request, as the script wants it."""
    calls = _calls(prompt, script)
    text = _preamble(model, calls) if calls else _text(prompt, model, script)
    text, is_cut = _within(text, prompt.output_limit)
    reason = "tool_calls" if calls else "length" if is_cut else "stop"
    said = text if not calls or model.family is Family.CLAUDE else ""
    thinks = prompt.thinks if script.reasoning is None else script.reasoning
    reasoning = REASONING if thinks and model.reasons else ""
    return Reply(
        text=said,
        calls=calls,
        finish_reason=script.finish_reason or reason,
        prompt_tokens=prompt.tokens,
        completion_tokens=_count(said, calls) + estimate_tokens(reasoning),
        cached_tokens=min(script.cached_tokens, prompt.tokens),
        reasoning=reasoning,
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


def argument_pieces(text: str) -> list[str]:
    """A call's arguments as a stream brings them."""
    return [text[i : i + ARGUMENT_CHARACTERS] for i in range(0, len(text), ARGUMENT_CHARACTERS)]


def _text(prompt: Prompt, model: Model, script: Script) -> str:
    if script.text is not None:
        return stretched(script.text, script)
    if prompt.schema is not None:
        return encode(arguments_for(prompt.schema)).decode()
    who = "The tool answered" if prompt.speaker is Speaker.TOOL else "You said"
    said = prompt.said[:QUOTED_CHARACTERS]
    return stretched(f"This is a simulated answer from {model.id}. {who}: {said}", script)


def _preamble(model: Model, calls: Sequence[Call]) -> str:
    return f"This is a simulated answer from {model.id}. It calls {calls[0].name}."


def _calls(prompt: Prompt, script: Script) -> tuple[Call, ...]:
    tool = _tool(prompt)
    if tool is None or not script.call_tools:
        return ()
    arguments = _arguments(tool)
    return tuple(
        Call(_digits(tool.name, arguments, prompt.turns, number), tool.name, arguments,
             tool.is_custom)
        for number in range(script.parallel_tool_calls if prompt.parallel else 1)
    )  # fmt: skip


def _tool(prompt: Prompt) -> Tool | None:
    """The tool this request makes the model call; None if it is to answer in text."""
    if not prompt.tools or prompt.choice.calling is Calling.NEVER:
        return None
    if prompt.choice.calling is Calling.ALWAYS:
        named = (each for each in prompt.tools if each.name == prompt.choice.name)
        return next(named, prompt.tools[0])
    if prompt.speaker is not Speaker.USER or NO_TOOLS_WORDS in prompt.said.lower():
        return None
    return prompt.tools[0]


def _arguments(tool: Tool) -> str:
    if tool.is_custom:
        return CUSTOM_INPUTS.get(tool.name, CUSTOM_INPUT)
    return encode(arguments_for(tool.parameters)).decode()


def _digits(name: str, arguments: str, turns: int, number: int) -> str:
    """Other ones in each turn of a conversation, the same for the same request."""
    text = f"{name}\n{arguments}\n{turns}\n{number}"
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _within(text: str, limit: int | None) -> tuple[str, bool]:
    if limit is None or estimate_tokens(text) <= limit:
        return text, False
    return text[: max(limit, 0) * CHARACTERS_PER_TOKEN], True


def _count(text: str, calls: Sequence[Call]) -> int:
    return estimate_tokens(text) + sum(
        estimate_tokens(call.name) + estimate_tokens(call.arguments) for call in calls
    )
