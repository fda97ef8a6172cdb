"""token-service.yaml as it was written: sections and entries, where they stand, and single values
read by themselves.

What is not of the expected shape is unknown here: its own check names it. Judges nothing; across
and across_callers do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Annotated, Any, Final

from pydantic import TypeAdapter, ValidationError

from runtime.configuration import Section
from runtime.document_rules import Problem, Where


class _Unknown(Enum):
    UNKNOWN = "unknown"


UNKNOWN: Final = _Unknown.UNKNOWN
"""A value that cannot be read: nothing may be concluded from it. Equal to no value."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A section or an entry of a list, and where it stands. entry: None where it is no mapping."""

    where: Where
    entry: Mapping[str, Any] | None

    @property
    def is_known(self) -> bool:
        """Whether it can be said what it has and what it has not."""
        return self.entry is not None

    def get(self, name: str) -> Any:
        """What was written under the name; None where that is nothing."""
        return self.entry.get(name) if self.entry is not None else None

    def has(self, name: str) -> bool:
        """Whether something is given, be it good or bad."""
        return self.get(name) is not None

    def lacks(self, name: str) -> bool:
        """Whether nothing is given."""
        return self.is_known and not self.has(name)

    def read(self, model: type[Section], name: str) -> Any:
        """The field of the model as it reads it alone, its default, or UNKNOWN."""
        if self.entry is None:
            return UNKNOWN
        if name not in self.entry:
            return model.model_fields[name].default
        try:
            return _reader(model, name).validate_python(self.entry[name])
        except ValidationError:
            return UNKNOWN

    def section(self, name: str) -> "Placed":
        """The section of that name; empty where it is not given."""
        found = self.entry.get(name, {}) if self.entry is not None else None
        return Placed((*self.where, name), found if isinstance(found, Mapping) else None)

    def entries(self, name: str) -> "tuple[Placed, ...] | None":
        """The list of that name, empty where it is not given; None where it is no list."""
        found = self.entry.get(name, ()) if self.entry is not None else None
        if not isinstance(found, (list, tuple)):
            return None
        return tuple(
            Placed((*self.where, name, position), each if isinstance(each, Mapping) else None)
            for position, each in enumerate(found)
        )

    def problem(self, text: str, *names: str | int) -> Problem:
        """A problem of its own, or of what it has under these names."""
        return Problem((*self.where, *names), text)


@cache
def _reader(model: type[Section], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    alone: Any = Annotated[field.annotation, field]
    return TypeAdapter(alone)
