"""Scripts as commands to the store, and what its refusals are about. Sends nothing."""

from functools import lru_cache
from hashlib import sha1
from typing import Any, NamedTuple

from hiredis import ReplyError

from runtime.valkey.pipe import Command

UNKNOWN_SCRIPT = "NOSCRIPT "
# How the answer begins when a script met a key of another type, or a value it cannot use. Other
# refusals (no memory, no permission, no replica) would be the same for every key.
OF_ONE_KEY = ("WRONGTYPE ", "user_script:")
UNNAMED = "ERR "
"""Begins a refusal of no kind of its own; the library leaves it out."""


class Call(NamedTuple):
    """A script to run, and on what."""

    script: str
    keys: tuple[str, ...]
    arguments: tuple[str | bytes | int, ...]


@lru_cache(maxsize=64)
def digest(script: str) -> str:
    """The name under which the server knows a script it has seen."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


def by_digest(call: Call) -> Command:
    """For a server that knows the script."""
    return ("EVALSHA", digest(call.script), len(call.keys), *call.keys, *call.arguments)


def in_full(call: Call) -> Command:
    """For one that does not."""
    return ("EVAL", call.script, len(call.keys), *call.keys, *call.arguments)


def is_unknown_script(reply: Any) -> bool:
    """Whether the server does not know the script of that digest."""
    return isinstance(reply, ReplyError) and str(reply).startswith(UNKNOWN_SCRIPT)


def is_of_one_key(words: str) -> bool:
    """Whether a refusal is about what one key holds."""
    return words.removeprefix(UNNAMED).startswith(OF_ONE_KEY)
