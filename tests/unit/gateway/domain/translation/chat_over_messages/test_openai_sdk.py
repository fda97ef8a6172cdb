"""OpenAI's own SDK takes what the translation writes: its types, and its reading of streams."""

import json
from typing import Any

import httpx2
from openai import OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from tests.unit.gateway.domain.translation.chat_and_messages import (
    ASKED,
    compact,
    events_of,
    messages_event,
)

CONTENT: list[dict[str, Any]] = [
    {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
    {"type": "text", "text": "I look."},
    {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
    {"type": "tool_use", "id": "toolu_2", "name": "listen", "input": {}},
]
USAGE = {"input_tokens": 5, "output_tokens": 7, "cache_read_input_tokens": 100}
WHOLE = compact({"type": "message", "content": CONTENT, "stop_reason": "tool_use", "usage": USAGE})

STARTS: dict[str, Any] = {"thinking": "", "signature": "", "text": "", "input": {}}
DELTAS = {
    "thinking": [("thinking_delta", "thinking"), ("signature_delta", "signature")],
    "text": [("text_delta", "text")],
    "tool_use": [("input_json_delta", "input")],
}


def streamed() -> bytes:
    """The same answer as a stream."""
    message = {"role": "assistant", "content": [], "usage": USAGE}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    for index, block in enumerate(CONTENT):
        opening = {name: STARTS.get(name, value) for name, value in block.items()}
        events.append({"type": "content_block_start", "index": index, "content_block": opening})
        for kind, name in DELTAS[block["type"]]:
            value = block[name]
            field = "partial_json" if name == "input" else name
            said = json.dumps(value) if name == "input" else value
            delta = {"type": kind, field: said}
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    events.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 7}})
    events.append({"type": "message_stop"})
    one = CHAT_OVER_MESSAGES.stream(ASKED)
    return one.feed(b"".join(map(messages_event, events))) + one.finish()


def client(body: bytes, kind: str) -> OpenAI:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": kind}, content=body)

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return OpenAI(api_key="k", base_url="http://gateway/v1", http_client=transport)


def judge(completion: ChatCompletion) -> None:
    (choice,) = completion.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content == "I look."
    calls = [call.to_dict() for call in choice.message.tool_calls or ()]
    functions: list[Any] = [call["function"] for call in calls]
    assert [call["id"] for call in calls] == ["toolu_1", "toolu_2"]
    assert [(each["name"], json.loads(each["arguments"])) for each in functions] == [
        ("look", {"a": 1}),
        ("listen", {}),
    ]
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 105


def test_a_whole_answer() -> None:
    body = CHAT_OVER_MESSAGES.whole(WHOLE, ASKED)
    ChatCompletion.model_validate_json(body, strict=True)
    with client(body, "application/json") as sdk:
        judge(sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "a"}]))


def test_a_stream() -> None:
    body = streamed()
    for _, data in events_of(body)[:-1]:
        ChatCompletionChunk.model_validate_json(data, strict=True)
    with (
        client(body, "text/event-stream") as sdk,
        sdk.chat.completions.stream(
            model="m", messages=[{"role": "user", "content": "a"}]
        ) as stream,
    ):
        judge(stream.get_final_completion())
