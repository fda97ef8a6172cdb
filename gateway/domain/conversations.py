"""Which requests belong together: a conversation's turns should all reach one account.

A conversation is known by what its client says, in this order, and else by how it begins. Its
name is a keyed hash: nobody who reads the store can tell what was said, or make up a name that
meets another key's conversation.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Protocol

HEADERS = ("x-session-id", "x-session-affinity", "session-id", "x-claude-code-session-id")
"""Headers by which clients name a session, after the fields of the body, the surest first."""
DIGEST_BYTES = 16
MOST_KEYS_KEPT = 4_096


class Fields(Protocol):
    """What a body may say about the conversation it belongs to."""

    @property
    def prompt_cache_key(self) -> str | None:
        """OpenAI's; the very purpose is to meet the same cache again."""

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`, in which Anthropic's clients put the session."""


def conversation_of(
    headers: Mapping[str, str],
    body: Fields,
    first_messages: Callable[[], bytes],
    key_sha256: str,
) -> bytes:
    """The name of a request's conversation, 16 bytes.

    headers: with lower-case names, or case-insensitive. first_messages: asked only where the
    client gives no name. key_sha256: the hash of the caller's key, in hex.
    """
    said = _said(headers, body)
    return _digest(said or b"first messages\0" + first_messages(), key_sha256)


def _said(headers: Mapping[str, str], body: Fields) -> bytes:
    """What the client says, and where; empty where it says nothing."""
    key, user = body.prompt_cache_key, body.user_id
    if key and (said := _named("prompt_cache_key", key)):
        return said
    if user and (said := _named("metadata.user_id", user)):
        return said
    for header in HEADERS:
        value = headers.get(header)
        if value and (said := _named(header, value)):
            return said
    return b""


def _named(source: str, said: str) -> bytes:
    """The same word in two places is not the same name."""
    name = said.strip()
    # Whatever was decoded leniently has to be written down again.
    return f"{source}\0{name}".encode(errors="surrogatepass") if name else b""


def _digest(name: bytes, key_sha256: str) -> bytes:
    hashed = _keyed(key_sha256).copy()
    hashed.update(name)
    return hashed.digest()


@lru_cache(maxsize=MOST_KEYS_KEPT)
def _keyed(key_sha256: str) -> blake2b:
    """A hash that nothing has been put into yet; nobody changes it."""
    return blake2b(key=key_sha256.encode(), digest_size=DIGEST_BYTES)
