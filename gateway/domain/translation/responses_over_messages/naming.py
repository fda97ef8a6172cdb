"""What the caller's tools are called for Claude, and what a call of one is in the caller's words.

A tool in a namespace gets a name that both are in, as it does over chat; a custom tool, which is
called with plain text, becomes one with a single field for that text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import UNREADABLE, Body
from gateway.domain.translation.responses_over_chat.names import Called, chat_name

INPUT = "input"
"""The field that a custom tool's text is in."""


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The tools of one request, by their names for Claude."""

    known: Mapping[str, Called] = field(default_factory=dict)

    def called(self, name: str) -> Called:
        """The tool that a call names; what nobody offered is a function of that name."""
        return self.known.get(name) or Called(name)


class _Input(Body, frozen=True):
    input: str


_decode_input = msgspec.json.Decoder(_Input).decode


def flat_name(tool: Fields, namespace: str) -> str:
    """A tool's name for Claude, the same each time. Raises GatewayError for one it cannot have."""
    return chat_name(tool.required("name"), namespace or None, tool.path)


def schema() -> dict[str, Any]:
    """What a custom tool is called with, for a model that only knows objects."""
    text = {"type": "string", "description": "All of the tool's input, as it is: plain text."}
    return {
        "type": "object",
        "properties": {INPUT: text},
        "required": [INPUT],
        "additionalProperties": False,
    }


def text_in(arguments: str) -> str:
    """The text a custom tool is called with. Where the form was not kept to, all that there is."""
    try:
        return _decode_input(arguments).input
    except UNREADABLE:
        return arguments
