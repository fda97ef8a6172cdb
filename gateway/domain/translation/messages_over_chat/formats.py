"""The form of the answer's text: Anthropic's output format as chat's `response_format`."""

from typing import Any

from gateway.domain.translation.messages_over_chat.messages_body import OutputFormat
from gateway.domain.translation.reading import invalid, refused

NAME = "answer"
"""Chat wants the schema to have a name."""


def response_format(wanted: OutputFormat | None, path: str) -> dict[str, Any]:
    """`response_format` as a field; none where any text will do."""
    if wanted is None:
        return {}
    if wanted.type != "json_schema":
        raise refused(f"{path}.type", "only json_schema is known")
    if wanted.schema is None:
        raise invalid(f"{path}.schema", "is required")
    schema: dict[str, Any] = {"name": NAME, "schema": wanted.schema}
    if is_strict(wanted.schema):
        schema["strict"] = True
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def is_strict(schema: object) -> bool:
    """Whether OpenAI takes a schema as one to keep to strictly.

    Every object in it has to name all its properties as required and to allow no others.
    """
    if isinstance(schema, list):
        return all(map(is_strict, schema))
    if not isinstance(schema, dict):
        return True
    properties = schema.get("properties")
    if isinstance(properties, dict):
        required = schema.get("required")
        is_closed = schema.get("additionalProperties") is False
        is_complete = isinstance(required, list) and set(map(str, required)) == set(properties)
        return is_closed and is_complete and all(map(is_strict, properties.values()))
    return schema.get("type") != "object" and all(map(is_strict, schema.values()))
