"""What the API's description says of good answers, as loosely as is true.

A native answer is upstream's own bytes, so little of it is promised here. Knows no path.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain.headers import MAX_REQUEST_ID_CHARACTERS
from gateway.web.ids import CALLER_REQUEST_ID_HEADER, REQUEST_ID_HEADER
from gateway.web.rate_headers import ANTHROPIC, MEASURES, OPENAI

Schema = dict[str, Any]

JSON = "application/json"
EVENTS = "text/event-stream"

HEADERS: Mapping[str, Schema] = {
    REQUEST_ID_HEADER: {
        "description": "The gateway's name for this request; operators find it in the log.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    CALLER_REQUEST_ID_HEADER: {
        "description": "The x-request-id that the request came with.",
        "schema": {
            "type": "string",
            "pattern": f"^[A-Za-z0-9._-]{{1,{MAX_REQUEST_ID_CHARACTERS}}}$",
        },
    },
}
"""On every answer, errors included."""


def _rate_headers(names: str, of_reset: Schema, words: str) -> Mapping[str, Schema]:
    """names: what they are called, with the measure and the figure to be filled in."""
    figures: Mapping[str, tuple[str, Schema]] = {
        "limit": ("How many {measure} the key may use in a minute.", {"type": "integer"}),
        "remaining": ("How many of the {measure} are left in this minute.", {"type": "integer"}),
        "reset": (f"{words} the {{measure}} begin anew.", of_reset),
    }
    return {
        names.format(measure=measure, figure=figure): {
            "description": said.format(measure=measure) + " Where the key's rate limits them.",
            "schema": schema,
        }
        for measure in MEASURES
        for figure, (said, schema) in figures.items()
    }


RATE_HEADERS = _rate_headers(
    OPENAI + "{figure}-{measure}",
    {"type": "string", "pattern": "^([0-9]+m)?[0-9]+s$"},
    "After how long",
)
"""On answers of inference, errors included, for a key that has a rate."""
ANTHROPIC_RATE_HEADERS = _rate_headers(
    ANTHROPIC + "{measure}-{figure}", {"type": "string", "format": "date-time"}, "When"
)
"""Beside them on those of Messages."""


def _object(required: Mapping[str, Schema], **others: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {**required, **others},
        "required": list(required),
        "additionalProperties": True,
    }


TEXT: Schema = {"type": "string"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
AMOUNT: Schema = {"type": "number", "minimum": 0}
COUNT: Schema = {"type": "integer", "minimum": 0}
LIST: Schema = {"type": "array", "items": {"type": "object"}}


def _schema(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Mapping[str, Schema] = {
    "ChatCompletion": _object(
        {"object": {"const": "chat.completion"}, "created": {"type": "integer"}, "choices": LIST},
        id=TEXT,
        model=TEXT,
        usage={"type": ["object", "null"]},
    ),
    "Response": _object({}, id=TEXT, object={"const": "response"}, model=TEXT, output=LIST),
    "Message": _object(
        {}, id=TEXT, type={"const": "message"}, role={"const": "assistant"}, content=LIST
    ),
    "TokenCount": _object({"input_tokens": COUNT}),
    "Embeddings": _object({}, data=LIST, model=TEXT),
    "OpenAIModel": _object(
        {"id": TEXT, "object": {"const": "model"}, "created": COUNT, "owned_by": TEXT}
    ),
    "OpenAIModels": _object(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": _schema("OpenAIModel")},
        }
    ),
    "AnthropicModel": _object(
        {
            "type": {"const": "model"},
            "id": TEXT,
            "display_name": TEXT,
            "created_at": {"type": "string", "format": "date-time"},
        }
    ),
    "AnthropicModels": _object(
        {
            "data": {"type": "array", "items": _schema("AnthropicModel")},
            "has_more": {"const": False},
            "first_id": {"type": ["string", "null"]},
            "last_id": {"type": ["string", "null"]},
        }
    ),
    "UsageSums": _object(
        {
            "requests": COUNT,
            "input_tokens": COUNT,
            "cached_tokens": COUNT,
            "output_tokens": COUNT,
            "reasoning_tokens": COUNT,
            "credits": AMOUNT,
            "estimated_credits": AMOUNT,
            "premium_requests": AMOUNT,
        }
    ),
    "BudgetMeasure": {
        "oneOf": [
            {"type": "null"},
            _object(
                {
                    "limit": AMOUNT,
                    "used": {"type": ["number", "null"], "minimum": 0},
                    "remaining": {"type": ["number", "null"], "minimum": 0},
                }
            ),
        ]
    },
    "Budget": _object(
        {
            "holder": {"enum": ["key", "group"]},
            "period": {"enum": ["day", "month"]},
            "resets_at": MOMENT,
            "shadow": {"type": "boolean"},
            "requests": _schema("BudgetMeasure"),
            "tokens": _schema("BudgetMeasure"),
            "credits": _schema("BudgetMeasure"),
        }
    ),
    "Rate": {
        "oneOf": [
            {"type": "null"},
            _object(
                {
                    "resets_at": MOMENT,
                    "requests": _schema("BudgetMeasure"),
                    "tokens": _schema("BudgetMeasure"),
                }
            ),
        ]
    },
    "Usage": _object(
        {
            "object": {"const": "usage"},
            "key": TEXT,
            "group": TEXT,
            "period": _object({"name": TEXT, "start": MOMENT, "end": MOMENT}),
            "total": _schema("UsageSums"),
            "by_model": {
                "type": "array",
                "items": {"allOf": [_schema("UsageSums"), _object({"model": TEXT})]},
            },
            "budgets": {"type": "array", "items": _schema("Budget")},
            "rate": _schema("Rate"),
        }
    ),
    "Description": _object({"openapi": TEXT, "info": {"type": "object"}}),
}
"""By name."""

Content = Mapping[str, Schema]


def whole(name: str) -> Content:
    """An answer that is one JSON object."""
    return {JSON: {"schema": _schema(name)}}


def streamed(name: str) -> Content:
    """An answer that is events where the request has `stream: true`, else one JSON object."""
    return {**whole(name), EVENTS: {}}


def either(*names: str) -> Content:
    """An answer that has one of several shapes."""
    return {JSON: {"schema": {"oneOf": [_schema(name) for name in names]}}}


STREAM_WORDS = (
    "One JSON object or, where the request has `stream: true`, events. A stream that fails ends "
    "with an event that holds an error, without the protocol's own end."
)


def words_of(content: Content) -> str:
    """What is said of a good answer beside its shape."""
    return STREAM_WORDS if EVENTS in content else "OK"
