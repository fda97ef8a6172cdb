"""How request bodies are read: by type, and no further than a decision needs.

A field that only helps the gateway is as if it were not there when it is not understood: what
upstream takes must not fail here. Errors name a field and quote no value.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from gateway.domain.complaints import REQUIRED, located
from gateway.domain.errors import Fault, GatewayError

MAX_MODEL_CHARACTERS = 256
"""No model's id is nearly so long; it becomes part of names that are kept."""
HEAD_CHARACTERS = 32 * 1024
"""How much of a conversation's beginning tells it from others; as much again of what a person said
first, so that a long instruction common to all does not hide it."""

_Found = TypeVar("_Found")
_read_str = msgspec.json.Decoder(str).decode


class _Metadata(msgspec.Struct):
    user_id: msgspec.Raw = msgspec.Raw()


_read_metadata = msgspec.json.Decoder(_Metadata).decode


class Part(msgspec.Struct, frozen=True):
    """One part of a content; its kind, and what it holds inside."""

    type: str = ""
    content: msgspec.Raw = msgspec.Raw()
    source: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Part({self.type!r})"


_read_parts = msgspec.json.Decoder(list[Part]).decode


class _Words(msgspec.Struct):
    text: str = ""


_read_words = msgspec.json.Decoder(str | list[_Words] | None).decode


def begins(raw: msgspec.Raw, mark: bytes) -> bool:
    """Whether a value is of the kind that begins so: a list, an object, a text."""
    return bytes(memoryview(raw)[:1]) == mark


def lenient(decode: Callable[[msgspec.Raw], _Found], raw: msgspec.Raw) -> _Found | None:
    """What was decoded; None where the field is absent or something else."""
    try:
        return decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def text_of(raw: msgspec.Raw) -> str | None:
    """A string, if it is one."""
    return lenient(_read_str, raw)


def user_of(metadata: msgspec.Raw) -> str | None:
    """`user_id` of a `metadata` object, if there is one."""
    found = lenient(_read_metadata, metadata)
    return None if found is None else text_of(found.user_id)


def parts_of(raw: msgspec.Raw) -> list[Part]:
    """The parts of a content; none for text, and for what is not understood."""
    if not begins(raw, b"["):
        return []
    return lenient(_read_parts, raw) or []


def words_of(raw: msgspec.Raw) -> str:
    """A content's text, bounded; the content as it stands where it has no text."""
    content = lenient(_read_words, raw) if raw else ""
    if content is None:
        content = bytes(memoryview(raw)[:HEAD_CHARACTERS]).decode(errors="replace")
    if isinstance(content, list):
        content = "\0".join(part.text for part in content)
    return content[:HEAD_CHARACTERS]


def decoded(decode: Callable[[bytes], _Found], body: bytes) -> _Found:
    """A whole body. Raises GatewayError (CALLER_BODY_INVALID)."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _malformed(error) from None


def check_model(model: str) -> None:
    """Raise GatewayError for a name that is no model's."""
    if not model:
        raise invalid("'model' must not be empty.", "model")
    if len(model) > MAX_MODEL_CHARACTERS:
        raise invalid(f"'model' must have at most {MAX_MODEL_CHARACTERS} characters.", "model")


def invalid(message: str, param: str | None) -> GatewayError:
    """The error for a body that is not what its endpoint takes."""
    return GatewayError(Fault.CALLER_BODY_INVALID, message, param=param)


def _wrong_type(text: str) -> GatewayError:
    path, problem = located(text)
    if problem == REQUIRED:
        return invalid(f"'{path}' {problem}.", path)
    where = f"'{path}': " if path else ""
    return invalid(f"{where}{problem}.", path or None)


def _malformed(error: Exception) -> GatewayError:
    if isinstance(error, RecursionError):
        return invalid("The body is nested too deeply.", None)
    if isinstance(error, UnicodeDecodeError):
        return invalid("The body is not valid UTF-8.", None)
    return invalid(f"The body is not valid JSON: {error}.", None)
