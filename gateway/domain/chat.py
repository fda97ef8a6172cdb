"""The few fields of a chat-completions request that decide anything.

Decoded by type and nothing more: every other field is skipped without being built, and the
caller's own bytes are what goes upstream. A field that only helps the gateway is as if it were
not there when it is not understood: what upstream takes must not fail here. Knows nothing of
headers or accounts.
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from gateway.domain.errors import Fault, GatewayError

MAX_MODEL_CHARACTERS = 256
"""No model's id is nearly so long; it becomes part of names that are kept."""
HEAD_CHARACTERS = 32 * 1024
"""How much of a conversation's beginning tells it from others; as much again of what a person said
first, so that a long instruction common to all does not hide it."""

OPENING_MESSAGES = 100
"""Among so many a person has spoken."""


class Part(msgspec.Struct, frozen=True):
    """One part of a message's content; only its kind matters here."""

    type: str = ""


class Message(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: str
    content: str | list[Part] | None = None

    def __repr__(self) -> str:
        return f"Message({self.role!r})"


class _Metadata(msgspec.Struct):
    user_id: msgspec.Raw = msgspec.Raw()


_Found = TypeVar("_Found")
_read_int = msgspec.json.Decoder(int).decode
_read_str = msgspec.json.Decoder(str).decode
_read_metadata = msgspec.json.Decoder(_Metadata).decode


def _lenient(decode: Callable[[msgspec.Raw], _Found], raw: msgspec.Raw) -> _Found | None:
    """What was decoded; None where the field is absent or something else."""
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


class ChatRequest(msgspec.Struct, frozen=True):
    """What the gateway looks at in a chat request. Never the text itself is kept."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    raw_n: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="n")
    raw_prompt_cache_key: msgspec.Raw = msgspec.field(
        default=msgspec.Raw(), name="prompt_cache_key"
    )
    raw_metadata: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="metadata")

    def __repr__(self) -> str:
        return f"ChatRequest({self.model!r}, {len(self.messages)} messages)"

    @property
    def n(self) -> int | None:
        """How many answers are asked for; None where it is not said, or makes no sense."""
        number = _lenient(_read_int, self.raw_n)
        return number if number is not None and number > 0 else None

    @property
    def prompt_cache_key(self) -> str | None:
        """What requests with the same beginning have in common."""
        return _lenient(_read_str, self.raw_prompt_cache_key)

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`."""
        metadata = _lenient(_read_metadata, self.raw_metadata)
        return None if metadata is None else _lenient(_read_str, metadata.user_id)


class _Words(msgspec.Struct):
    text: str = ""


class _Said(msgspec.Struct):
    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


class _Conversation(msgspec.Struct):
    messages: list[msgspec.Raw]


_decode = msgspec.json.Decoder(ChatRequest).decode
_read_conversation = msgspec.json.Decoder(_Conversation).decode
_read_said = msgspec.json.Decoder(_Said).decode
_read_content = msgspec.json.Decoder(str | list[_Words] | None).decode
_FIELD = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")


def parse(body: bytes) -> ChatRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None
    if not request.model:
        raise _invalid("'model' must not be empty.", "model")
    if len(request.model) > MAX_MODEL_CHARACTERS:
        raise _invalid(f"'model' must have at most {MAX_MODEL_CHARACTERS} characters.", "model")
    if not request.messages:
        raise _invalid("'messages' must hold at least one message.", "messages")
    return request


def first_messages(body: bytes) -> bytes:
    """What a conversation begins with, the same in each of its turns; of a body that was parsed.

    The words up to a person's first, those included; where no person speaks, the first message.
    Roles and text only: marks for the prompt cache, which clients put beside the text, wander
    from turn to turn. At most 2 × HEAD_CHARACTERS count.
    """
    before = ""
    messages = _read_conversation(body).messages[:OPENING_MESSAGES]
    for raw in messages:
        role, words = _said(raw)
        if role == "user":
            return "\0".join((before, role, words)).encode()
        before = "\0".join((before, role, words))[:HEAD_CHARACTERS]
    return "\0".join(_said(messages[0])).encode()


def _said(raw: msgspec.Raw) -> tuple[str, str]:
    """A message's role and words, bounded; the content as it stands where it has no words."""
    said = _read_said(raw)
    try:
        content = _read_content(said.content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        content = bytes(said.content)[:HEAD_CHARACTERS].decode(errors="replace")
    if isinstance(content, list):
        content = "\0".join(part.text for part in content)
    return said.role, (content or "")[:HEAD_CHARACTERS]


def _wrong_type(text: str) -> GatewayError:
    match = _FIELD.search(text)
    path = match["path"] if match else ""
    problem = text[: match.start()] if match else text
    missing = _MISSING.match(problem)
    if missing:
        path = f"{path}.{missing['name']}" if path else missing["name"]
        return _invalid(f"'{path}' is required.", path)
    where = f"'{path}': " if path else ""
    return _invalid(f"{where}{problem[:1].lower()}{problem[1:]}.".replace("`", "'"), path or None)


def _malformed(error: Exception) -> GatewayError:
    if isinstance(error, RecursionError):
        return _invalid("The body is nested too deeply.", None)
    if isinstance(error, UnicodeDecodeError):
        return _invalid("The body is not valid UTF-8.", None)
    return _invalid(f"The body is not valid JSON: {error}.", None)


def _invalid(message: str, param: str | None) -> GatewayError:
    return GatewayError(Fault.CALLER_BODY_INVALID, message, param=param)
