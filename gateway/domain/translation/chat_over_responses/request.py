"""A chat request as a Responses request (copilot-upstream.md §5.6).

Upstream keeps nothing of it: every turn comes with the whole conversation. Fields that are not
named here are dropped; docs/translation/chat_over_responses.md lists those that clients send.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.domain.translation.chat_over_responses.bodies import Fields, missing
from gateway.domain.translation.chat_over_responses.messages import Message, items_of
from gateway.domain.translation.chat_over_responses.tools import Choice, Tool, choice_of, tools_of
from gateway.domain.translation.reading import Body, invalid, read, refused

MIN_OUTPUT_TOKENS = 16
"""Responses takes no smaller limit; clients that only try a key ask chat for one token."""


class JsonSchema(Body, frozen=True):
    """The form of an answer."""

    name: str
    schema: Fields | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Body, frozen=True):
    """What form the answer's text has."""

    type: str
    json_schema: JsonSchema | None = None


class ChatRequest(Body, frozen=True):
    """A chat request, as far as it can be said in Responses or has to be refused."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    metadata: Fields | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    tools: list[Tool] | None = None
    tool_choice: str | Choice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    response_format: ResponseFormat | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    functions: list[Fields] | None = None
    modalities: list[str] | None = None


SAME = (
    "model",
    "stream",
    "temperature",
    "top_p",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "metadata",
)
"""Fields that have the same name and meaning in both protocols."""

REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "n": (lambda n: n > 1, "this model gives one answer a request"),
    "stop": (bool, "this model takes no stop sequences"),
    "functions": (bool, "this model takes tools, and no functions of the older kind"),
    "modalities": (lambda them: "audio" in them, "this model answers in text only"),
}
"""Fields that would change the answer and that Responses has no word for: when, and why not."""

_decode = msgspec.json.Decoder(ChatRequest).decode


def translate(body: bytes) -> bytes:
    """The request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    asked = read(body, _decode)
    _check(asked)
    built: dict[str, Any] = {
        name: value for name in SAME if (value := getattr(asked, name)) is not None
    }
    built["input"] = items_of(asked.messages)
    if not built["input"]:
        raise invalid("messages", "must hold something to answer")
    built["store"] = False
    return msgspec.json.encode({**built, **_limit(asked), **_tools(asked), **_form(asked)})


def _check(asked: ChatRequest) -> None:
    if not asked.model:
        raise invalid("model", "must not be empty")
    for name, (is_refused, why) in REFUSED.items():
        value = getattr(asked, name)
        if value is not None and is_refused(value):
            raise refused(name, why)


def _limit(asked: ChatRequest) -> dict[str, Any]:
    name = "max_tokens" if asked.max_completion_tokens is None else "max_completion_tokens"
    limit: int | None = getattr(asked, name)
    if limit is None:
        return {}
    if limit < 1:
        raise invalid(name, "must be at least 1")
    return {"max_output_tokens": max(limit, MIN_OUTPUT_TOKENS)}


def _tools(asked: ChatRequest) -> dict[str, Any]:
    """Nothing is said of how to choose where there is nothing to choose from."""
    if not asked.tools:
        return {}
    said: dict[str, Any] = {"tools": tools_of(asked.tools)}
    if asked.tool_choice is not None:
        said["tool_choice"] = choice_of(asked.tool_choice)
    if asked.parallel_tool_calls is not None:
        said["parallel_tool_calls"] = asked.parallel_tool_calls
    return said


def _form(asked: ChatRequest) -> dict[str, Any]:
    """How much to think, and what the text is to look like."""
    said: dict[str, Any] = {}
    if asked.reasoning_effort is not None:
        said["reasoning"] = {"effort": asked.reasoning_effort}
    text: dict[str, Any] = {}
    if asked.response_format is not None:
        text["format"] = _format(asked.response_format)
    if asked.verbosity is not None:
        text["verbosity"] = asked.verbosity
    return {**said, "text": text} if text else said


def _format(form: ResponseFormat) -> dict[str, Any]:
    if form.type in ("text", "json_object"):
        return {"type": form.type}
    if form.type != "json_schema":
        raise invalid("response_format.type", "must be text, json_object or json_schema")
    wanted = form.json_schema
    if wanted is None:
        raise missing("response_format.json_schema")
    if wanted.schema is None:
        raise missing("response_format.json_schema.schema")
    said = {"name": wanted.name, "description": wanted.description, "strict": wanted.strict}
    flat = {name: value for name, value in said.items() if value is not None}
    return {"type": "json_schema", **flat, "schema": wanted.schema}
