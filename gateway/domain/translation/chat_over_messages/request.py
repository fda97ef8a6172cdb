"""A chat request as a Messages request.

The rules as callers read them: docs/translation/chat_over_messages.md.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.domain.translation.chat_over_messages import chat_body, formats, tools
from gateway.domain.translation.chat_over_messages.chat_body import ChatRequest
from gateway.domain.translation.chat_over_messages.thinking import plan_of
from gateway.domain.translation.chat_over_messages.turns import conversation_of
from gateway.domain.translation.reading import invalid, read, refused
from gateway.domain.translation.responses_over_messages import caching

Fields = dict[str, Any]

REFUSED: tuple[tuple[str, Callable[[ChatRequest], object], str], ...] = (
    ("n", lambda request: (request.n or 1) > 1, "this model gives one answer a request"),
    ("functions", lambda request: request.functions, "use tools instead"),
    ("function_call", lambda request: request.function_call, "use tool_choice instead"),
    ("logprobs", lambda request: request.logprobs, "this model does not say them"),
    ("logit_bias", lambda request: request.logit_bias, "this model takes none"),
    (
        "modalities",
        lambda request: set(request.modalities or ()) - {"text"},
        "this model answers in text only",
    ),
    (
        "web_search_options",
        lambda request: request.web_search_options is not None,
        "this model cannot search",
    ),
)
"""What would change the answer, and cannot be said: the field, whether it is there, and why."""

MAX_USER_CHARACTERS = 256
"""Anthropic's limit for the id of a user."""

MOST_TEMPERATURE = 1.0
"""OpenAI's scale goes on to 2."""

_encode = msgspec.json.Encoder().encode


def translate(body: bytes) -> bytes:
    """The Messages request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    request = read(body, chat_body.decode)
    try:
        return _encode(_fields(request))
    except RecursionError:
        raise invalid("", "the body is nested too deeply") from None


def _fields(request: ChatRequest) -> Fields:
    for name, is_there, reason in REFUSED:
        if is_there(request):
            raise refused(name, reason)
    plan = plan_of(request)
    chosen = tools.fields_of(request)
    conversation = conversation_of(request)
    thinks = bool(plan.thinking) and not tools.is_forced(chosen)
    thinks = thinks and (plan.goes_on_anywhere or conversation.may_think)
    if not thinks:
        conversation = conversation.without_thoughts()
    system = conversation.system + formats.demand_of(request.response_format)
    _mark(request, system, chosen, conversation.turns)
    return {
        "model": request.model,
        **({"system": system} if system else {}),
        "messages": conversation.turns,
        "max_tokens": plan.max_tokens,
        **({"thinking": plan.thinking} if thinks else {}),
        **chosen,
        **({} if thinks or not plan.may_sample else _sampling(request)),
        **formats.fields_of(request.response_format, plan.effort),
        **_given(request),
    }


def _mark(request: ChatRequest, system: list[Fields], chosen: Fields, turns: list[Fields]) -> None:
    """Marks for the cache, where the caller sets none.

    Writing into the cache costs more than not: only where more of a conversation is to come.
    """
    blocks = [*system, *(block for turn in turns for block in turn["content"])]
    is_marked = any("cache_control" in block for block in blocks)
    if not is_marked and (chosen or request.prompt_cache_key):
        caching.mark(system, chosen.get("tools", []), turns)


def _sampling(request: ChatRequest) -> Fields:
    """Newer models take one of both."""
    if request.temperature is not None:
        return {"temperature": min(request.temperature, MOST_TEMPERATURE)}
    return {} if request.top_p is None else {"top_p": request.top_p}


def _given(request: ChatRequest) -> Fields:
    user = request.safety_identifier or request.user
    fields = {
        "stop_sequences": _stops(request),
        "metadata": {"user_id": user} if user and len(user) <= MAX_USER_CHARACTERS else None,
        "stream": request.stream,
    }
    return {name: value for name, value in fields.items() if value}


def _stops(request: ChatRequest) -> list[str]:
    stops = [request.stop] if isinstance(request.stop, str) else request.stop or []
    if any(not stop.strip() for stop in stops):
        raise refused("stop", "this model does not stop at blanks")
    return stops
