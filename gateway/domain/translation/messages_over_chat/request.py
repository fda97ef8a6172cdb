"""A Messages request as a chat request.

The rules as callers read them: docs/translation/messages_over_chat.md.
"""

from typing import Any

import msgspec

from gateway.domain.translation.messages_over_chat import messages_body, tools
from gateway.domain.translation.messages_over_chat.effort import effort_of
from gateway.domain.translation.messages_over_chat.formats import response_format
from gateway.domain.translation.messages_over_chat.messages_body import MessagesRequest
from gateway.domain.translation.messages_over_chat.turns import messages_of
from gateway.domain.translation.reading import invalid, read, refused

Fields = dict[str, Any]

MAX_STOPS = 4
"""As many as OpenAI takes."""
MAX_USER_CHARACTERS = 64
"""OpenAI refuses longer names of users. Claude Code's are longer, and name an account as well."""

_encode = msgspec.json.Encoder().encode


def translate(body: bytes) -> bytes:
    """The chat request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    request = read(body, messages_body.decode)
    try:
        return _encode(_fields(request))
    except RecursionError:
        raise invalid("", "the body is nested too deeply") from None


def _fields(request: MessagesRequest) -> Fields:
    _check(request)
    return {
        "model": request.model,
        "messages": messages_of(request),
        "max_tokens": request.max_tokens,
        **tools.fields_of(request.tools, request.tool_choice),
        **_format(request),
        **_given(request),
        **_streaming(request),
    }


def _check(request: MessagesRequest) -> None:
    if request.max_tokens < 1:
        raise refused("max_tokens", "this model cannot be asked for no answer")
    if len(request.stop_sequences or ()) > MAX_STOPS:
        raise refused("stop_sequences", f"this model takes at most {MAX_STOPS}")
    if request.mcp_servers:
        raise refused("mcp_servers", "this model cannot use them")


def _format(request: MessagesRequest) -> Fields:
    """`output_format` is how betas said it."""
    config = request.output_config
    if config is not None and config.format is not None:
        return response_format(config.format, "output_config.format")
    return response_format(request.output_format, "output_format")


def _given(request: MessagesRequest) -> Fields:
    """What is said the same way in both, where it is said."""
    user = request.metadata.user_id if request.metadata else None
    fields = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": request.stop_sequences or None,
        "reasoning_effort": effort_of(request.thinking, request.output_config),
        "user": user if user and len(user) <= MAX_USER_CHARACTERS else None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _streaming(request: MessagesRequest) -> Fields:
    """A stream says what it used, as Anthropic's always do."""
    if not request.stream:
        return {}
    return {"stream": True, "stream_options": {"include_usage": True}}
