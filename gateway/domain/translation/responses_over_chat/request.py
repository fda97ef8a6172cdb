"""A Responses request as a chat request.

Fields that are not named here are dropped; docs/translation/responses_over_chat.md lists those
that clients send.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.chat_over_responses.bodies import missing
from gateway.domain.translation.reading import invalid, read, refused
from gateway.domain.translation.responses_over_chat import items, tools
from gateway.domain.translation.responses_over_chat.responses_body import (
    ResponsesRequest,
    TextFormat,
)
from gateway.domain.translation.responses_over_chat.turns import Conversation

SAME = ("model", "temperature", "top_p", "user", "safety_identifier", "prompt_cache_key")
"""Fields that have the same name and meaning in both protocols."""

KEPT_NOWHERE = "nothing is kept here; send the whole conversation as 'input'"
REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "conversation": (bool, KEPT_NOWHERE),
    "prompt": (bool, "no prompt is kept here; send its text"),
    "background": (bool, "an answer is given at once or not at all"),
}
"""Fields without which the request means something else: when, and why not."""

_decode = msgspec.json.Decoder(ResponsesRequest).decode


def translate(body: bytes) -> bytes:
    """The request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    asked = read(body, _decode)
    _check(asked)
    built: dict[str, Any] = {
        name: value for name in SAME if (value := getattr(asked, name)) is not None
    }
    built["messages"] = _messages(asked)
    if asked.stream:
        built |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode({**built, **tools.fields_of(asked), **_form(asked)})


def _check(asked: ResponsesRequest) -> None:
    if not asked.model:
        raise invalid("model", "must not be empty")
    if asked.previous_response_id:
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            f"'previous_response_id': {KEPT_NOWHERE}.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    for name, (is_refused, why) in REFUSED.items():
        if is_refused(getattr(asked, name)):
            raise refused(name, why)


def _messages(asked: ResponsesRequest) -> list[dict[str, Any]]:
    conversation = Conversation()
    if asked.instructions:
        conversation.hear("system", asked.instructions)
    items.tell(conversation, asked.items)
    messages = conversation.messages()
    if not messages:
        raise invalid("input", "must hold something to answer")
    return messages


def _form(asked: ResponsesRequest) -> dict[str, Any]:
    """How long to answer, how much to think, and what the text is to look like."""
    said: dict[str, Any] = {}
    if asked.max_output_tokens is not None:
        if asked.max_output_tokens < 1:
            raise invalid("max_output_tokens", "must be at least 1")
        said["max_tokens"] = asked.max_output_tokens
    if asked.reasoning is not None and asked.reasoning.effort is not None:
        said["reasoning_effort"] = asked.reasoning.effort
    if asked.text is not None and asked.text.format is not None:
        said["response_format"] = _format(asked.text.format)
    if asked.text is not None and asked.text.verbosity is not None:
        said["verbosity"] = asked.text.verbosity
    return said


def _format(form: TextFormat) -> dict[str, Any]:
    if form.type in ("text", "json_object"):
        return {"type": form.type}
    if form.type != "json_schema":
        raise invalid("text.format.type", "must be text, json_object or json_schema")
    for name in ("name", "schema"):
        if getattr(form, name) is None:
            raise missing(f"text.format.{name}")
    said = {"name": form.name, "description": form.description, "strict": form.strict}
    schema = {name: value for name, value in said.items() if value is not None}
    return {"type": "json_schema", "json_schema": {**schema, "schema": form.schema}}
