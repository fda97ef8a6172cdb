"""What msgspec says of a body that is of the wrong type, as a caller is told it.

It quotes types and names of fields, and no value.
"""

import re

REQUIRED = "is required"

_FIELD = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<name>[^`]+)`")


def located(text: str) -> tuple[str, str]:
    """The path of the field that is meant, empty for the body itself, and what is wrong with it."""
    match = _FIELD.search(text)
    path = match["path"] if match else ""
    problem = text[: match.start()] if match else text
    missing = _MISSING.match(problem)
    if missing:
        return (f"{path}.{missing['name']}" if path else missing["name"]), REQUIRED
    return path, f"{problem[:1].lower()}{problem[1:]}".replace("`", "'")
