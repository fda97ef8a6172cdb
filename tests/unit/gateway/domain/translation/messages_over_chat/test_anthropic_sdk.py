"""Anthropic's own SDK takes what the translation writes: its types, and its reading of streams."""

import json
from typing import Any

import httpx2
import pytest

from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import (
    ASKED,
    FRAME,
    chat_event,
    compact,
    events_of,
)

anthropic = pytest.importorskip("anthropic")

CALLS: list[dict[str, Any]] = [
    {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}},
    {"id": "call_2", "type": "function", "function": {"name": "listen", "arguments": "{}"}},
]
MESSAGE = {
    "role": "assistant",
    "content": "I look.",
    "reasoning_text": "Hm.",
    "reasoning_opaque": "sealed",
    "tool_calls": CALLS,
}
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 5},
}
CHOICE = {"index": 0, "message": MESSAGE, "finish_reason": "tool_calls"}
WHOLE = compact({**FRAME, "choices": [CHOICE], "usage": USAGE})


def streamed() -> bytes:
    """The same answer as a stream."""
    pieces = [
        [{**call, "index": index, "function": {**call["function"], "arguments": ""}}, rest]
        for index, call in enumerate(CALLS)
        for rest in [{"index": index, "function": {"arguments": call["function"]["arguments"]}}]
    ]
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"reasoning_text": "Hm."},
        {"reasoning_opaque": "sealed"},
        {"content": "I "},
        {"content": "look."},
        *({"tool_calls": [piece]} for both in pieces for piece in both),
    ]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    last = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    events = [{**FRAME, "choices": [choice]} for choice in [*choices, last]]
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    used = {**FRAME, "choices": [], "usage": USAGE}
    return one.feed(b"".join(map(chat_event, [*events, used]))) + one.finish()


def client(body: bytes, kind: str) -> Any:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return anthropic.Anthropic(api_key="k", base_url="http://gateway", http_client=transport)


ASKING = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}


def judge(message: Any) -> None:
    assert (message.id, message.model) == ("msg_a1b2", "model-as-asked")
    thinking, text, look, listen = message.content
    assert (thinking.thinking, thinking.signature) == ("Hm.", "chat:sealed")
    assert text.text == "I look."
    assert (look.id, look.name, look.input) == ("call_1", "look", {"a": 1})
    assert (listen.id, listen.name, listen.input) == ("call_2", "listen", {})
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (4, 5, 4)


def test_a_whole_answer() -> None:
    body = MESSAGES_OVER_CHAT.whole(WHOLE, ASKED)
    anthropic.types.Message.model_validate_json(body, strict=True)
    with client(body, "application/json") as sdk:
        judge(sdk.messages.create(**ASKING))


def test_a_stream() -> None:
    body = streamed()
    kinds = [json.loads(data)["type"] for name, data in events_of(body)]
    assert kinds[0] == "message_start"
    with client(body, "text/event-stream") as sdk, sdk.messages.stream(**ASKING) as stream:
        judge(stream.get_final_message())
