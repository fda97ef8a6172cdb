"""Rules over several values of a configuration, told beside what is wrong with single ones.

A rule looks at the document as it was written, so that no wrong value hides what it has to say.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ModelWrapValidatorHandler, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

Where = tuple[str | int, ...]
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where."""

    where: Where
    text: str


def judged(
    value: Any,
    handler: ModelWrapValidatorHandler[M],
    rules: Callable[[Mapping[str, Any]], Iterable[Problem]],
) -> M:
    """For a wrap validator of a document: all of it is judged, and reported at once.

    Raises ValidationError, which holds no value.
    """
    details: list[InitErrorDetails] = []
    document: M | None = None
    try:
        document = handler(value)
    except ValidationError as error:
        details += [
            _detail(item["type"], item["msg"], item["loc"])
            for item in error.errors(include_input=False, include_url=False)
        ]
    if isinstance(value, Mapping):
        details += [_detail("across", problem.text, problem.where) for problem in rules(value)]
    if details or document is None:
        raise ValidationError.from_exception_data("Settings", details, hide_input=True)
    return document


def _detail(kind: str, text: str, where: Where) -> InitErrorDetails:
    # As a value of its own: braces in the text would be read as places for values.
    error = PydanticCustomError(kind, "{text}", {"text": text})
    return InitErrorDetails(type=error, loc=where, input=None)
