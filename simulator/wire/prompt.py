"""What a model is told, whichever protocol said it: all that an answer depends on.

Each protocol's request makes one of these; reply.py answers it and knows of no protocol.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

IMAGE_TOKENS = 85
MESSAGE_TOKENS = 4
TOOL_TOKENS = 20
CHARACTERS_PER_TOKEN = 4

Schema = Mapping[str, Any]

# What `json_object` is taken for: an object with one field.
ANY_OBJECT: Schema = {"properties": {"answer": {"const": "simulated"}}, "required": ["answer"]}


class Speaker(Enum):
    """Who said the last thing. OTHER: the model itself, a system or developer message."""

    USER = "user"
    TOOL = "tool"
    OTHER = "other"


class Calling(Enum):
    """What a request says about calling tools."""

    AUTO = "auto"
    NEVER = "none"
    ALWAYS = "required"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that can be called. parameters: a JSON schema; a custom tool takes text instead."""

    name: str
    parameters: Schema | None = field(default=None, repr=False)
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Whether tools are called, and which one if the request names it."""

    calling: Calling = Calling.AUTO
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """One request to a model.

    said: the text of the last message. turns: how many messages there are. text_tokens: of all
    texts. thinks: whether it asks for reasoning. schema: what the text of the answer has to be
    an instance of.
    """

    speaker: Speaker
    said: str = field(repr=False)
    turns: int
    text_tokens: int
    images: int = 0
    tools: tuple[Tool, ...] = ()
    choice: ToolChoice = ToolChoice()
    output_limit: int | None = None
    thinks: bool = False
    parallel: bool = True
    schema: Schema | None = field(default=None, repr=False)

    @property
    def tokens(self) -> int:
        """A plain estimate, the same for the same request."""
        return (
            self.text_tokens
            + MESSAGE_TOKENS * self.turns
            + IMAGE_TOKENS * self.images
            + TOOL_TOKENS * len(self.tools)
        )


def unmatched(calls: Iterable[str], results: Iterable[str]) -> str | None:
    """The first id of a conversation's calls and results that is not there once on each side."""
    called, answered = Counter(calls), Counter(results)
    ids = dict.fromkeys([*called, *answered])
    return next((each for each in ids if (called[each], answered[each]) != (1, 1)), None)


def estimate_tokens(text: str) -> int:
    """A quarter of the characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def calling_of(word: str) -> Calling:
    """What a protocol's word for it means; `any` is Anthropic's `required`."""
    if word == "any":
        return Calling.ALWAYS
    return Calling(word) if word in ("none", "required") else Calling.AUTO
