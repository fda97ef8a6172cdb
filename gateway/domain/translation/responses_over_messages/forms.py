"""The form of the answer's text: Responses' `text.format` as Anthropic's output format."""

from typing import Any

from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid

ANY_OBJECT = "Answer with one JSON object and nothing else."
"""What `json_object` becomes: Anthropic has no form that any object has."""

FORMS = frozenset({"text", "json_object", "json_schema"})


def demand_of(request: Fields) -> str:
    """What has to be said to the model instead of a form; mostly nothing."""
    return ANY_OBJECT if _form(request).text("type") == "json_object" else ""


def format_of(request: Fields) -> dict[str, Any]:
    """`format` as a field of `output_config`; none where any text will do."""
    form = _form(request)
    kind = form.text("type") or "text"
    if kind not in FORMS:
        raise invalid(form.at("type"), f"must be one of {', '.join(sorted(FORMS))}")
    if kind != "json_schema":
        return {}
    if not form.has("schema"):
        raise invalid(form.at("schema"), "is required")
    schema = closed(form.object("schema").values)
    return {"format": {"type": kind, "schema": schema}}


def closed(schema: Any) -> Any:
    """A schema in which every object says that it is closed, unless it says something else.

    Anthropic takes no other; OpenAI's are so only where they are kept to strictly.
    """
    if isinstance(schema, list):
        return list(map(closed, schema))
    if not isinstance(schema, dict):
        return schema
    inner = {name: closed(value) for name, value in schema.items()}
    # A property may be called `properties` or `type`: only what has both is an object's schema.
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        inner.setdefault("additionalProperties", False)
    return inner


def _form(request: Fields) -> Fields:
    return request.object("text").object("format")
