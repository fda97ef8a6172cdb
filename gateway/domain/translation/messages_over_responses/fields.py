"""A request's objects, of which it shows only from within what they are: read field by field.

Messages' blocks and Responses' items have many shapes under one roof, so each is read by whoever
knows its type. What is wrong is named by its path and never quoted. Knows no protocol.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.reading import invalid

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

TOO_DEEP = "the body is nested too deeply"


@dataclass(frozen=True, slots=True)
class Fields:
    """An object, and where it is. A field that is null is as if it were not there.

    Each way to read one raises GatewayError (CALLER_BODY_INVALID) when it is something else.
    """

    values: dict[str, Any] = field(repr=False)
    path: str = ""

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether anything is said there."""
        return self.values.get(name) is not None

    def raw(self, name: str) -> Any:
        """What is there, whatever it is."""
        return self.values.get(name)

    def text(self, name: str) -> str:
        """A string; empty where nothing is said."""
        value = self.values.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise invalid(self.at(name), "must be a string")
        return value

    def required(self, name: str) -> str:
        """A string that has to be there, and to say something."""
        value = self.text(name)
        if not value:
            raise invalid(self.at(name), "is required")
        return value

    def flag(self, name: str) -> bool | None:
        """True or false."""
        value = self.values.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise invalid(self.at(name), "must be true or false")

    def number(self, name: str) -> float | None:
        """A number."""
        value = self.values.get(name)
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        raise invalid(self.at(name), "must be a number")

    def count(self, name: str) -> int | None:
        """A whole number above 0."""
        value = self.values.get(name)
        if value is None or (type(value) is int and value > 0):
            return value
        raise invalid(self.at(name), "must be a whole number above 0")

    def object(self, name: str) -> "Fields":
        """An object; one without fields where nothing is said."""
        value = self.values.get(name)
        return object_of({} if value is None else value, self.at(name))

    def objects(self, name: str) -> "list[Fields]":
        """A list of objects; empty where nothing is said."""
        value = self.values.get(name)
        return objects_of([] if value is None else value, self.at(name))

    def content(self, name: str) -> "str | list[Fields]":
        """A string or a list of objects; an empty one where nothing is said."""
        value = self.values.get(name)
        if isinstance(value, str):
            return value
        if value is None or isinstance(value, list):
            return self.objects(name)
        raise invalid(self.at(name), "must be a string or a list")


def object_of(value: object, path: str) -> Fields:
    """A value that has to be an object."""
    if not isinstance(value, dict):
        raise invalid(path, "must be an object")
    return Fields(value, path)


def objects_of(value: object, path: str) -> list[Fields]:
    """A value that has to be a list of objects."""
    if not isinstance(value, list):
        raise invalid(path, "must be a list")
    return [object_of(each, f"{path}[{index}]") for index, each in enumerate(value)]


def parse(body: bytes) -> Fields:
    """A request. Raises GatewayError (CALLER_BODY_INVALID) for what is no JSON object."""
    try:
        document = _decode(body)
    except RecursionError:
        raise invalid("", TOO_DEEP) from None
    except UNREADABLE:
        raise invalid("", "the body is no JSON that can be read") from None
    if not isinstance(document, dict):
        raise invalid("", "the body must be an object")
    return Fields(document)


def written(document: dict[str, Any]) -> bytes:
    """A request as it goes upstream. Raises GatewayError (CALLER_BODY_INVALID)."""
    try:
        return _encode(document)
    except RecursionError:
        raise invalid("", TOO_DEEP) from None


def text_of(document: object) -> str:
    """A value as JSON. Raises GatewayError (CALLER_BODY_INVALID)."""
    try:
        return _encode(document).decode()
    except RecursionError:
        raise invalid("", TOO_DEEP) from None
