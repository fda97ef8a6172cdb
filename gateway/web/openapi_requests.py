"""What the API's description says of requests: the fields and headers the gateway looks at.

Every other field is allowed: it goes upstream, which judges it. A test compares the fields with the
structs of domain/requests/, both ways, but for those of which only the presence is noticed.
"""

from collections.abc import Mapping
from typing import Any

from gateway.domain import conversations, headers
from gateway.domain.initiator import Initiator
from gateway.domain.platforms import copilot, openai
from gateway.domain.requests.embeddings import MAX_INPUTS
from gateway.domain.requests.reading import MAX_MODEL_CHARACTERS
from gateway.web.models import ANTHROPIC_HEADER

Schema = dict[str, Any]

MODEL: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_MODEL_CHARACTERS,
    "description": "An id from the models list, or an alias that the key's group has for one.",
}
STREAM: Schema = {
    "type": ["boolean", "null"],
    "description": "Whether the answer comes as events while it is being written.",
}
METADATA: Schema = {
    "type": ["object", "null"],
    "properties": {"user_id": {"type": ["string", "null"]}},
    "description": "`user_id` tells conversations apart.",
}
CACHE_KEY: Schema = {
    "type": ["string", "null"],
    "description": "Requests with the same key are one conversation and go to one account.",
}
PARTS: Schema = {
    "type": "array",
    "items": {"type": "object", "properties": {"type": {"type": "string"}}},
}
TOOLS: Schema = {"type": ["array", "null"], "items": {"type": "object"}}


def _object(properties: Schema, *required: str, **more: Any) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": True,
        **more,
    }


def _conversation(message: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "items": message}


CHAT = _object(
    {
        "model": MODEL,
        "messages": _conversation(
            _object(
                {
                    "role": {"type": "string"},
                    "content": {"anyOf": [{"type": ["string", "null"]}, PARTS]},
                    "tool_calls": TOOLS,
                },
                "role",
            )
        ),
        "stream": STREAM,
        "stream_options": {
            "type": ["object", "null"],
            "properties": {"include_usage": {"type": ["boolean", "null"]}},
        },
        "n": {"type": ["integer", "null"], "description": "How many answers are asked for."},
        "prompt_cache_key": CACHE_KEY,
        "metadata": METADATA,
    },
    "model",
    "messages",
    examples=[{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}],
)
RESPONSES = _object(
    {
        "model": MODEL,
        "input": {
            "anyOf": [
                {"type": "string", "minLength": 1},
                _conversation(
                    _object(
                        {
                            "type": {"type": ["string", "null"]},
                            "role": {"type": ["string", "null"]},
                            "content": {"anyOf": [{"type": ["string", "null"]}, PARTS]},
                            "output": {"anyOf": [{"type": ["string", "object", "null"]}, PARTS]},
                        }
                    )
                ),
            ]
        },
        "instructions": {"type": ["string", "null"]},
        "tools": TOOLS,
        "stream": STREAM,
        "previous_response_id": {
            "type": "null",
            "description": "Upstream keeps no answers: send the whole conversation as `input`.",
        },
        "prompt_cache_key": CACHE_KEY,
        "metadata": METADATA,
    },
    "model",
    "input",
    examples=[{"model": "gpt-5-mini", "input": "Say hello."}],
)
MESSAGES = _object(
    {
        "model": MODEL,
        "messages": _conversation(
            _object(
                {
                    "role": {"type": "string"},
                    "content": {"anyOf": [{"type": "string"}, PARTS]},
                },
                "role",
            )
        ),
        "system": {"anyOf": [{"type": ["string", "null"]}, PARTS]},
        "tools": TOOLS,
        "stream": STREAM,
        "thread": {
            "type": "null",
            "description": "Upstream keeps no conversations: send all of it as `messages`.",
        },
        "metadata": METADATA,
    },
    "model",
    "messages",
    examples=[
        {
            "model": "claude-sonnet-4.6",
            "max_tokens": 64,
            "messages": [{"role": "user", "content": "Say hello."}],
        }
    ],
)
EMBEDDINGS = _object(
    {
        "model": MODEL,
        "input": {
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_INPUTS,
                    "items": {"type": "string"},
                },
            ],
            "description": "Texts: upstream takes no arrays of tokens.",
        },
    },
    "model",
    "input",
    examples=[{"model": "text-embedding-3-small", "input": "Say hello."}],
)

BODIES: Mapping[str, Schema] = {
    "ChatRequest": CHAT,
    "ResponsesRequest": RESPONSES,
    "MessagesRequest": MESSAGES,
    "EmbeddingsRequest": EMBEDDINGS,
}
"""By the names of their schemas."""


def _header(name: str, description: str, **schema: Any) -> Schema:
    schema = schema or {"type": "string"}
    return {"name": name, "in": "header", "description": description, "schema": schema}


INITIATOR = _header(
    "X-Initiator",
    "Who set the request off; `agent` counts only from keys that may say so.",
    enum=sorted(each.value for each in Initiator),
)
SESSIONS = tuple(
    _header(name, "Names the conversation; its requests go to one account.")
    for name in conversations.HEADERS
)
PASSED_ON = tuple(
    _header(
        name,
        f"Passed on where the platform is `{platform}`.",
        type="string",
        maxLength=headers.MAX_VALUE_CHARACTERS,
    )
    for platform, names in (("copilot", copilot.FROM_CALLER), ("openai", openai.FROM_CALLER))
    for name in names
)
VERSION = _header(ANTHROPIC_HEADER, "Anthropic's SDKs send it.")
SHAPING = _header(ANTHROPIC_HEADER, "With it the answer has Anthropic's shape, else OpenAI's.")
BETAS = _header("anthropic-beta", "Those that upstream accepts are passed on.")
PERIOD: Schema = {
    "name": "period",
    "in": "query",
    "description": "This day's or this month's, in UTC; this month's without it.",
    "schema": {"enum": ["day", "month"]},
}
BETA_QUERY: Schema = {
    "name": "beta",
    "in": "query",
    "description": "Accepted and ignored, as any other query is.",
    "schema": {"type": "string"},
}
MODEL_ID: Schema = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "A model's id or an alias of it; it may contain slashes.",
    "schema": {"type": "string", "minLength": 1},
}
OF_CONVERSATIONS = (INITIATOR, *SESSIONS, *PASSED_ON)
