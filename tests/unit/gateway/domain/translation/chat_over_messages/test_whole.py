"""What a whole Messages answer becomes for a caller who chats.

The reasons and what else Anthropic's body has in common with one that chat upstream answers is
tested with whole/chat.py.
"""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from tests.unit.gateway.domain.translation.chat_and_messages import ASKED, compact

USAGE = {
    "input_tokens": 5,
    "output_tokens": 7,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 20,
}


def completion(content: list[Any], **more: Any) -> Any:
    body = {
        "type": "message",
        "role": "assistant",
        "id": "msg_bdrk_1",
        "model": "claude-dated",
        "content": content,
        "stop_reason": "end_turn",
        "usage": USAGE,
        **more,
    }
    return json.loads(CHAT_OVER_MESSAGES.whole(compact(body), ASKED))


def test_an_answer_becomes_a_completion() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
        {"type": "redacted_thinking", "data": "hidden"},
        {"type": "text", "text": "I "},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "text", "text": "look."},
        {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}},
    ]
    costs = {"total_nano_aiu": 5}
    function = {"name": "look", "arguments": '{"a":1}'}
    message = {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"id": "toolu_1", "type": "function", "function": function}],
        "reasoning_text": "Hm.",
        "reasoning_opaque": 'messages:[[3,"s1"],[-1,"hidden"]]',
    }
    assert completion(content, stop_reason="tool_use", copilot_usage=costs) == {
        "id": "chatcmpl-a1b2",
        "object": "chat.completion",
        "created": 1_795_350_000,
        "model": "model-as-asked",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {
            "prompt_tokens": 125,
            "completion_tokens": 7,
            "total_tokens": 132,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "copilot_usage": costs,
    }


def test_thinking_without_a_seal_is_only_read() -> None:
    content = [{"type": "thinking", "thinking": "Hm.", "signature": ""}]
    message = completion(content)["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "", "reasoning_text": "Hm."}


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b'{"content":"a"}', b'{"choices":[]}'])
def test_what_is_no_answer_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_MESSAGES.whole(body, ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
