"""A Messages request as a Responses request (copilot-upstream.md §5.6).

Upstream keeps nothing of it: every turn comes with the whole conversation. The rules as callers
read them, with the fields that are dropped: docs/translation/messages_over_responses.md.
"""

from hashlib import sha256
from typing import Any

from gateway.domain.translation.messages_over_chat.formats import is_strict
from gateway.domain.translation.messages_over_responses.conversation import (
    instructions_of,
    items_of,
)
from gateway.domain.translation.messages_over_responses.fields import Fields, parse, written
from gateway.domain.translation.messages_over_responses.reasoning import reasoning_of
from gateway.domain.translation.messages_over_responses.tools import tools_of
from gateway.domain.translation.reading import invalid, refused

Said = dict[str, Any]

MIN_OUTPUT_TOKENS = 16
"""Responses takes no smaller limit; clients that only try a key ask for one token."""
MAX_KEY_CHARACTERS = 64
"""OpenAI refuses longer cache keys. Claude Code's ids of users are longer."""
FORMAT_NAME = "answer"
"""Responses wants a schema to have a name."""

REFUSED = {
    "stop_sequences": "this model takes no stop sequences",
    "mcp_servers": "this model cannot use them",
    "container": "this model has no containers",
}
"""Fields that would change the answer and that Responses has no word for, and why not."""


def translate(body: bytes) -> bytes:
    """The request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    request = parse(body)
    for name, why in REFUSED.items():
        if request.raw(name):
            raise refused(name, why)
    said: Said = {"model": request.required("model"), "input": items_of(request), "store": False}
    instructions = instructions_of(request)
    if instructions:
        said["instructions"] = instructions
    reasoning = reasoning_of(request)
    return written(
        {
            **said,
            **tools_of(request),
            **reasoning,
            **_format(request),
            **_limit(request),
            **({} if reasoning else _sampling(request)),
            **_key(request),
            **_streaming(request),
        }
    )


def _limit(request: Fields) -> Said:
    limit = request.count("max_tokens")
    if limit is None:
        raise invalid("max_tokens", "is required")
    return {"max_output_tokens": max(limit, MIN_OUTPUT_TOKENS)}


def _sampling(request: Fields) -> Said:
    """A model that thinks takes none of it. 1 is what is meant where nothing is said."""
    said = {name: request.number(name) for name in ("temperature", "top_p")}
    return {name: value for name, value in said.items() if value not in (None, 1)}


def _key(request: Fields) -> Said:
    """What a session's requests have in common, so that upstream's cache knows them again."""
    user = request.object("metadata").text("user_id")
    if not user:
        return {}
    key = user if len(user) <= MAX_KEY_CHARACTERS else sha256(user.encode()).hexdigest()
    return {"prompt_cache_key": key}


def _streaming(request: Fields) -> Said:
    stream = request.flag("stream")
    return {} if stream is None else {"stream": stream}


def _format(request: Fields) -> Said:
    """The form of the text. `output_format` is how betas said it."""
    wanted = request.object("output_config").object("format")
    if not wanted.values:
        wanted = request.object("output_format")
    if not wanted.values:
        return {}
    if wanted.required("type") != "json_schema":
        raise refused(wanted.at("type"), "only json_schema is known")
    if not wanted.has("schema"):
        raise invalid(wanted.at("schema"), "is required")
    schema = wanted.object("schema").values
    form = {"type": "json_schema", "name": FORMAT_NAME, "schema": schema}
    return {"text": {"format": {**form, "strict": is_strict(schema)}}}
