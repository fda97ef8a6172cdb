"""A Responses request as a Messages request.

The rules as callers read them, with the fields that are dropped:
docs/translation/responses_over_messages.md.
"""

from collections.abc import Callable
from typing import Any

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_responses.fields import Fields, parse, written
from gateway.domain.translation.reading import refused
from gateway.domain.translation.responses_over_messages import caching, forms
from gateway.domain.translation.responses_over_messages.conversation import conversation_of
from gateway.domain.translation.responses_over_messages.parts import text_block
from gateway.domain.translation.responses_over_messages.reasoning import (
    BY_EFFORT_ALONE,
    thinking_of,
    version_of,
)
from gateway.domain.translation.responses_over_messages.tools import is_forced, tools_of

Said = dict[str, Any]

MAX_TOKENS, MAX_TOKENS_WHOLE = 32_000, 16_000
"""Anthropic wants a limit. Every Claude from 4 on writes as much; upstream gives no more than the
second figure at once (copilot-upstream.md §5.5, max_non_streaming_output_tokens)."""
MAX_USER_CHARACTERS = 256
"""Anthropic's limit for the id of a user."""
REFUSED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "conversation": (bool, "conversations are not kept here; send the whole input"),
    "prompt": (bool, "prompts are not kept here; send what it says"),
    "background": (bool, "this model answers while it is waited for, or not at all"),
    "top_logprobs": (bool, "this model gives no log probabilities"),
}
"""Fields that would change the answer and that Messages has no word for: when, and why not."""


def translate(body: bytes) -> bytes:
    """The request. Raises GatewayError (CALLER_BODY_INVALID, CALLER_REQUEST_REFUSED)."""
    request = parse(body)
    _check(request)
    model = request.required("model")
    conversation = conversation_of(request)
    tools = tools_of(request, conversation.messages)
    limit = _limit(request)
    thinking, effort = thinking_of(request, conversation.messages, limit, is_forced(tools))
    system = _system(request, conversation.system)
    # Writing into the cache costs more than not: only where more of a conversation is to come.
    if tools or request.has("prompt_cache_key"):
        caching.mark(system, tools.get("tools", []), conversation.messages)
    return written(
        {
            "model": model,
            "max_tokens": limit,
            **({"system": system} if system else {}),
            "messages": conversation.messages,
            **tools,
            **thinking,
            **_output(request, effort),
            **({} if thinking or version_of(model) >= BY_EFFORT_ALONE else _sampling(request)),
            **_user(request),
            **_streaming(request),
        }
    )


def _check(request: Fields) -> None:
    if request.raw("previous_response_id"):
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            "'previous_response_id': answers are not kept here; send the whole input.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    for name, (is_refused, why) in REFUSED.items():
        if is_refused(request.raw(name)):
            raise refused(name, why)


def _limit(request: Fields) -> int:
    default = MAX_TOKENS if request.flag("stream") else MAX_TOKENS_WHOLE
    return request.count("max_output_tokens") or default


def _system(request: Fields, said: list[str]) -> list[Said]:
    """The instructions, then what the input begins with."""
    texts = [request.text("instructions"), *said, forms.demand_of(request)]
    return [block for text in texts for block in text_block(text)]


def _output(request: Fields, effort: str) -> Said:
    """`output_config`: how hard to try, and the form of the text."""
    config = {**({"effort": effort} if effort else {}), **forms.format_of(request)}
    return {"output_config": config} if config else {}


def _sampling(request: Fields) -> Said:
    """Anthropic's temperatures end at 1, and newer models take one of the two and not both."""
    temperature, top_p = request.number("temperature"), request.number("top_p")
    if temperature is not None:
        return {"temperature": min(temperature, 1)}
    return {} if top_p is None else {"top_p": top_p}


def _user(request: Fields) -> Said:
    user = request.text("safety_identifier") or request.text("user")
    return {"metadata": {"user_id": user}} if 0 < len(user) <= MAX_USER_CHARACTERS else {}


def _streaming(request: Fields) -> Said:
    stream = request.flag("stream")
    return {} if stream is None else {"stream": stream}
