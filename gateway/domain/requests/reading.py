"""How request bodies are read: by type, and no further than a decision needs.

A field that only helps the gateway is as if it were not there when it is not understood: what
upstream takes must not fail here. Errors name a field and quote no value.
"""

from collections.abc import Callable, Iterable
from typing import Protocol as Contract
from typing import TypeVar

import msgspec

from gateway.domain.complaints import REQUIRED, located
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.portable import LONGEST_MARK, has_foreign_mark

MAX_MODEL_CHARACTERS = 256
"""No model's id is nearly so long; it becomes part of names that are kept."""
HEAD_CHARACTERS = 32 * 1024
"""How much of a conversation's beginning tells it from others; as much again of what a person said
first, so that a long instruction common to all does not hide it."""

LIST, OBJECT, TEXT = b'[{"'
"""What values of these kinds begin with: `memoryview(raw)[0]` is the cheapest way to tell."""
NULL = msgspec.Raw(b"null")

_Found = TypeVar("_Found")
_read_str = msgspec.json.Decoder(str).decode


class _Metadata(msgspec.Struct):
    user_id: msgspec.Raw = msgspec.Raw()


_read_metadata = msgspec.json.Decoder(_Metadata).decode


class Part(msgspec.Struct, frozen=True, gc=False):
    """One part of a content; its kind, and where what decides something may stand in it."""

    type: str = ""
    text: msgspec.Raw = msgspec.Raw()
    content: msgspec.Raw = NULL
    source: msgspec.Raw = msgspec.Raw()
    cache_control: msgspec.Raw = msgspec.Raw()
    signature: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Part({self.type!r})"


Content = str | list[Part] | None
"""What a message says, in the form in which every protocol has it."""


class Spoken(Contract):
    """A message, in whatever protocol."""

    @property
    def role(self) -> str:
        """Who speaks."""

    @property
    def content(self) -> Content:
        """What is said."""


_read_parts = msgspec.json.Decoder(list[Part]).decode


def begins(raw: msgspec.Raw, mark: int) -> bool:
    """Whether a value is there, and of the kind that begins so: LIST, OBJECT, TEXT."""
    return bool(raw) and memoryview(raw)[0] == mark


def lenient(decode: Callable[[msgspec.Raw], _Found], raw: msgspec.Raw) -> _Found | None:
    """What was decoded; None where the field is absent or something else."""
    if not raw:
        return None
    try:
        return decode(raw)
    except UNREADABLE:
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
    if not begins(raw, LIST):
        return []
    return lenient(_read_parts, raw) or []


def content_of(raw: msgspec.Raw) -> Content:
    """A content; None for what is none."""
    return parts_of(raw) if begins(raw, LIST) else text_of(raw)


def words_of(content: Content) -> str:
    """A content's text, bounded; empty where it has none."""
    if content is None:
        return ""
    if isinstance(content, list):
        content = "\0".join([text_of(part.text) or "" for part in content])
    return content[:HEAD_CHARACTERS]


def opening(before: str, spoken: Iterable[Spoken]) -> tuple[str, bool]:
    """What a conversation begins with, the same in each of its turns, and whether a person speaks.

    The words up to a person's first, those included; all there are where none does. Roles and
    text only: marks for the prompt cache, which clients put beside the text, wander from turn to
    turn. At most 2 × HEAD_CHARACTERS count. Conversations are known by it, from version to version.
    """
    for each in spoken:
        said = f"{before}\0{each.role}\0{words_of(each.content)}"
        if each.role == "user":
            return said, True
        before = said[:HEAD_CHARACTERS]
    return before, False


def is_foreign(raw: msgspec.Raw) -> bool:
    """Whether a seal is another protocol's; nearly always there is none."""
    return bool(raw) and has_foreign_mark(bytes(memoryview(raw)[:LONGEST_MARK]))


def decoded(decode: Callable[[bytes], _Found], body: bytes) -> _Found:
    """A whole body. Raises GatewayError (CALLER_BODY_INVALID)."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise _wrong_type(str(error)) from None
    except UNREADABLE as error:
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
