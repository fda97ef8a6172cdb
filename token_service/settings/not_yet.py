"""What the schema of the configuration has and this version has not, refused by name.

A value that asks for something missing is a problem; silence about it would be a promise.
"""

from collections.abc import Callable
from typing import Any, ClassVar

from pydantic import ValidationInfo, field_validator

from runtime.configuration import Section


def _is_set(value: object) -> bool:
    return bool(value)


# What the schema has and this version has not: path → (whether the value asks for it, why not).
NOT_YET: dict[str, tuple[Callable[[Any], bool], str]] = {
    "tracing.otlp_endpoint": (_is_set, "there is no tracing in this version; leave it out"),
}


class Part(Section):
    """A section whose fields are looked up in NOT_YET under its path."""

    path: ClassVar[str] = ""

    @field_validator("*", mode="after")
    @classmethod
    def _works_in_this_version(cls, value: Any, info: ValidationInfo) -> Any:
        asks, why_not = NOT_YET.get(f"{cls.path}.{info.field_name}", (None, ""))
        if asks is not None and asks(value):
            raise ValueError(why_not)
        return value
