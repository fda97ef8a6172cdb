"""What the caller's tools are called in chat, and what a call of one is in the caller's words.

Chat knows functions only, by flat names. A custom tool becomes a function with one argument, a
tool of a namespace gets a name that both are in; a call has to find its way back to either.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.translation.chat_over_responses.bodies import checked_name, is_name
from gateway.domain.translation.reading import refused

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
    """The tools of one request by their names in chat."""

    known: Mapping[str, Called]

    def called(self, chat_name: str) -> Called:
        """The tool that a call names; what nobody offered is a function of that name."""
        return self.known.get(chat_name) or Called(chat_name)


def chat_name(name: str | None, namespace: str | None, path: str) -> str:
    """A tool's name in chat, the same each time. Raises GatewayError for one it cannot have.

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
