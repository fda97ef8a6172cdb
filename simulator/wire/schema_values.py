"""Arguments for a tool, made from its JSON schema: plausible, and the same every time.

Total: whatever the schema, a value comes out. Keywords it does not know are ignored.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

DEEPEST = 8

# What a string of this name is likely to hold; the first name found in the property's wins.
STRINGS_BY_NAME = (
    ("location", "Berlin"),
    ("city", "Berlin"),
    ("country", "Germany"),
    ("language", "en"),
    ("email", "octocat@example.com"),
    ("url", "https://example.com/"),
    ("path", "README.md"),
    ("file", "README.md"),
    ("command", "echo simulated"),
    ("query", "simulated query"),
    ("date", "2026-11-22"),
    ("name", "octocat"),
    ("id", "simulated-1"),
)
STRINGS_BY_FORMAT = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T00:00:00Z",
    "time": "00:00:00Z",
    "email": "octocat@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}
FALLBACK = "simulated"

Schema = Mapping[str, Any]


def arguments_for(schema: Schema | None) -> dict[str, Any]:
    """The arguments of one call; an empty object for a tool without parameters."""
    value = _value(schema or {}, "", schema or {}, 0)
    return value if isinstance(value, dict) else {}


def _value(schema: Any, name: str, root: Schema, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("enum", "examples"):
        choices = schema.get(keyword)
        if isinstance(choices, list) and choices:
            return choices[0]
    inner = _chosen_inner(schema, root)
    if inner is not None:
        return _value(inner, name, root, depth + 1)
    return _by_type(schema, name, root, depth)


def _chosen_inner(schema: Schema, root: Schema) -> Schema | None:
    """The schema this one refers to or offers first; several that hold at once are merged."""
    reference = schema.get("$ref")
    if isinstance(reference, str):
        return _resolve(reference, root)
    for keyword in ("anyOf", "oneOf"):
        options = schema.get(keyword)
        if isinstance(options, list) and options:
            other = [o for o in options if isinstance(o, Mapping) and o.get("type") != "null"]
            return other[0] if other else {"type": "null"}
    parts = schema.get("allOf")
    if isinstance(parts, list) and parts:
        return _merged([schema, *parts], root)
    return None


def _merged(parts: list[Any], root: Schema) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for part in parts:
        known = _resolved(part, root)
        properties = {**_mapping(merged.get("properties")), **_mapping(known.get("properties"))}
        required = [*_strings(merged.get("required")), *_strings(known.get("required"))]
        merged.update({key: value for key, value in known.items() if key != "allOf"})
        if properties:
            merged["properties"] = properties
        if required:
            merged["required"] = required
    return merged


def _resolved(part: Any, root: Schema) -> Schema:
    if not isinstance(part, Mapping):
        return {}
    reference = part.get("$ref")
    return _resolve(reference, root) if isinstance(reference, str) else part


def _resolve(reference: str, root: Schema) -> Schema:
    """What a local reference (`#/…`) points to; nothing is known of others."""
    found: Any = root
    for step in reference.removeprefix("#").split("/")[1:]:
        if not isinstance(found, Mapping):
            return {}
        found = found.get(step.replace("~1", "/").replace("~0", "~"))
    return found if isinstance(found, Mapping) else {}


def _by_type(schema: Schema, name: str, root: Schema, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if kind is None and "properties" in schema:
        kind = "object"
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        return _array(schema, name, root, depth)
    maker = _SCALARS.get(kind) if isinstance(kind, str) else None
    return maker(schema, name) if maker else FALLBACK


def _object(schema: Schema, root: Schema, depth: int) -> dict[str, Any]:
    properties = _mapping(schema.get("properties"))
    names = schema.get("required")
    wanted = _strings(names) if isinstance(names, list) else list(properties)
    return {name: _value(properties.get(name, {}), name, root, depth + 1) for name in wanted}


def _array(schema: Schema, name: str, root: Schema, depth: int) -> list[Any]:
    least = schema.get("minItems")
    count = min(least, 16) if isinstance(least, int) and least > 0 else 1
    if schema.get("maxItems") == 0 or depth >= DEEPEST:
        count = 0
    return [_value(schema.get("items", {}), name, root, depth + 1) for _ in range(count)]


def _string(schema: Schema, name: str) -> str:
    by_format = STRINGS_BY_FORMAT.get(str(schema.get("format")))
    by_name = next((text for part, text in STRINGS_BY_NAME if part in name.lower()), FALLBACK)
    text = by_format or by_name
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and len(text) < least <= 10_000:
        text = text.ljust(least, "x")
    if isinstance(most, int) and most >= 0:
        text = text[:most]
    return text


def _number(schema: Schema, name: str) -> float:
    least, above = _bound(schema, "minimum"), _bound(schema, "exclusiveMinimum")
    most = _bound(schema, "maximum")
    if above is not None:
        return above + 1 if most is None or above + 1 <= most else (above + most) / 2
    if least is not None:
        return least
    return most if most is not None and most < 1 else 1


def _integer(schema: Schema, name: str) -> int:
    value = _number(schema, name)
    return math.ceil(value) if math.isfinite(value) else 1


def _bound(schema: Schema, keyword: str) -> float | None:
    value = schema.get(keyword)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _strings(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


_SCALARS: dict[str, Callable[[Schema, str], Any]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": lambda schema, name: True,
    "null": lambda schema, name: None,
}
