"""What the caller's tools are called for Claude: by the names that every Responses caller's have.

A custom tool, which is called with plain text, becomes one with a single field for that text.
"""

from typing import Any

from gateway.domain.translation.for_responses import names
from gateway.domain.translation.for_responses.names import INPUT
from gateway.domain.translation.messages_over_responses.fields import Fields


def flat_name(tool: Fields, namespace: str) -> str:
    """A tool's name for Claude, the same each time. Raises GatewayError for one it cannot have."""
    return names.flat_name(tool.required("name"), namespace or None, tool.path)


def schema() -> dict[str, Any]:
    """What a custom tool is called with, for a model that only knows objects."""
    text = {"type": "string", "description": "All of the tool's input, as it is: plain text."}
    return {
        "type": "object",
        "properties": {INPUT: text},
        "required": [INPUT],
        "additionalProperties": False,
    }
