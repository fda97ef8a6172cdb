"""The form of the answer's text: chat's `response_format` as Anthropic's output format."""

from typing import Any

from gateway.domain.translation.chat_over_messages.chat_body import ResponseFormat
from gateway.domain.translation.reading import invalid

Fields = dict[str, Any]

FREE = frozenset({"text", "json_object"})
"""Forms without a schema, which Anthropic has no word for."""

ANY_OBJECT = "Answer with one JSON object and nothing else: no other text, no code fence."
"""What `json_object` becomes."""


def fields_of(wanted: ResponseFormat | None, effort: str) -> Fields:
    """`output_config`: the form, and how hard to try; none where neither is said."""
    config = {**({"effort": effort} if effort else {}), **_format(wanted)}
    return {"output_config": config} if config else {}


def _format(wanted: ResponseFormat | None) -> Fields:
    if wanted is None or wanted.type in FREE:
        return {}
    if wanted.type != "json_schema":
        raise invalid("response_format.type", "must be text, json_object or json_schema")
    schema = wanted.json_schema.schema if wanted.json_schema else None
    if schema is None:
        raise invalid("response_format.json_schema.schema", "is required")
    return {"format": {"type": "json_schema", "schema": closed(schema)}}


def demand_of(wanted: ResponseFormat | None) -> list[Fields]:
    """What has to be said to the model instead, as blocks of the system prompt."""
    if wanted is None or wanted.type != "json_object":
        return []
    return [{"type": "text", "text": ANY_OBJECT}]


def closed(schema: Any) -> Any:
    """The schema with every object in it closed that does not say whether it is.

    Anthropic wants to be told so of each; OpenAI only where the schema is kept to strictly.
    """
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    # Inside `properties` a property may be called so; what it holds is no dictionary of schemas.
    is_object = schema.get("type") == "object" and isinstance(schema.get("properties"), dict)
    return {"additionalProperties": False, **inner} if is_object else inner
