"""What the caller's tools are called upstream, and what a call of one is in the caller's words.

Chat and Messages know functions only, by flat names. A custom tool becomes a function with one
argument, a tool of a namespace gets a name that both are in; a call has to find its way back to
either.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from gateway.domain import lenient_json
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.chat_over_responses.bodies import checked_name, is_name
from gateway.domain.translation.reading import Body, refused

INPUT = "input"
"""The one argument of a function that stands for a custom tool: that tool's text."""
BRINGERS = frozenset({"additional_tools", "tool_search_output"})
"""Items of the input that bring tools as well."""

MAX_CHARACTERS = 64
_DIGEST_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Called:
    """A tool as the caller knows it."""

    name: str
    namespace: str | None = None
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The tools of one request by their names upstream."""

    known: Mapping[str, Called] = field(default_factory=dict)

    def called(self, flat: str) -> Called:
        """The tool that a call names; what nobody offered is a function of that name."""
        return self.known.get(flat) or Called(flat)


def flat_name(name: str | None, namespace: str | None, path: str) -> str:
    """A tool's name upstream, the same each time. Raises GatewayError for one it cannot have.

    Where a namespace makes a name too long its end gives way to a digest of the whole.
    """
    if not namespace:
        return checked_name(name or "", f"{path}.name")
    between = "" if namespace.endswith("_") else "__"
    joined = f"{namespace}{between}{name or ''}"
    if len(joined) > MAX_CHARACTERS:
        digest = hashlib.sha256(joined.encode()).hexdigest()[:_DIGEST_CHARACTERS]
        joined = f"{joined[: MAX_CHARACTERS - _DIGEST_CHARACTERS - 1]}_{digest}"
    if not name or not is_name(joined):
        raise refused(path, "with its namespace this tool has no name that this model takes")
    return joined


class _Input(Body, frozen=True):
    input: str


_decode_input = msgspec.json.Decoder(_Input).decode


def argument_of(called: Called, arguments: str) -> str:
    """What a tool is called with in the caller's words; arguments: as the model wrote them.

    A model that does not put a custom tool's text into JSON means the text itself.
    """
    if not called.is_custom:
        return arguments
    try:
        return _decode_input(arguments).input
    except UNREADABLE:
        pass
    try:
        return _decode_input(lenient_json.strict(arguments.encode()) or b"").input
    except UNREADABLE:
        return arguments
