"""What cannot travel to another account is taken out, and nothing else is (§5.9)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import portable
from gateway.domain.protocols import STREAMED, Protocol


def stripped(protocol: Protocol, body: Any) -> Any:
    return json.loads(portable.strip(protocol, json.dumps(body).encode()))


def is_untouched(protocol: Protocol, body: Any) -> bool:
    raw = json.dumps(body).encode()
    return portable.strip(protocol, raw) is raw


USER = {"role": "user", "content": "hello"}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "sealed"}
REDACTED = {"type": "redacted_thinking", "data": "sealed"}
TEXT = {"type": "text", "text": "Hi"}
CALL = {"type": "tool_use", "id": "t", "name": "n", "input": {}}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


# --- chat ---


def test_chat_loses_its_opaque_reasoning_and_keeps_what_was_said() -> None:
    said = {"role": "assistant", "content": "Hi", "reasoning_text": "Hm."}
    sealed = {**said, "reasoning_opaque": "x", "encrypted_content": "y"}
    body = {"model": "m", "messages": [USER, sealed, USER], "temperature": 1.5}
    assert stripped(Protocol.CHAT, body) == {**body, "messages": [USER, said, USER]}


@pytest.mark.parametrize(
    "content", ["reasoning_opaque", 'a "reasoning_opaque": "x" in it', "encrypted_content"]
)
def test_chat_that_only_talks_of_it_is_the_same_object(content: str) -> None:
    assert is_untouched(Protocol.CHAT, {"messages": [{"role": "user", "content": content}]})


# --- messages ---


@pytest.mark.parametrize(
    ("messages", "left"),
    [
        ([USER, assistant(SIGNED, TEXT), USER], [USER, assistant(TEXT), USER]),
        ([USER, assistant(REDACTED, SIGNED, CALL), RESULT], [USER, assistant(CALL), RESULT]),
        # A message of which nothing is left goes as a whole.
        ([USER, assistant(SIGNED), USER], [USER, USER]),
        ([USER, assistant(TEXT), assistant(REDACTED)], [USER, assistant(TEXT)]),
        (
            [USER, assistant(SIGNED, TEXT, SIGNED, CALL), RESULT, assistant(SIGNED, TEXT)],
            [USER, assistant(TEXT, CALL), RESULT, assistant(TEXT)],
        ),
    ],
)
def test_messages_lose_signed_thinking(messages: Any, left: Any) -> None:
    assert stripped(Protocol.MESSAGES, {"model": "m", "messages": messages}) == {
        "model": "m",
        "messages": left,
    }


@pytest.mark.parametrize(
    "messages",
    [
        [USER, {"role": "assistant", "content": "I was thinking"}],
        [USER, assistant({"type": "thinking", "thinking": "unsigned"}, TEXT)],
        [USER, assistant({"type": "thinking", "thinking": "unsigned", "signature": ""}, TEXT)],
        [{"role": "user", "content": [{"type": "text", "text": '{"type": "thinking"}'}]}],
        [assistant(SIGNED)],  # without it no message would be left
        [],
    ],
)
def test_messages_without_it_are_the_same_object(messages: Any) -> None:
    body = {"messages": messages, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert is_untouched(Protocol.MESSAGES, body)


BUDGET = {"type": "enabled", "budget_tokens": 1024}
EDITS = {"edits": [{"type": "clear_thinking_20251015"}, {"type": "clear_tool_uses_20250919"}]}


def test_thinking_is_turned_off_in_the_middle_of_a_tools_use() -> None:
    """Anthropic wants the block that was taken out as long as thinking is on with a budget."""
    found = stripped(
        Protocol.MESSAGES,
        {
            "messages": [USER, assistant(SIGNED, CALL), RESULT],
            "thinking": BUDGET,
            "context_management": EDITS,
        },
    )
    assert found == {
        "messages": [USER, assistant(CALL), RESULT],
        "thinking": {"type": "disabled"},
        "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    }


@pytest.mark.parametrize(
    ("thinking", "last"),
    [(BUDGET, USER), ({"type": "adaptive"}, RESULT), ({"type": "disabled"}, RESULT)],
)
def test_thinking_stays_on_elsewhere(thinking: Any, last: Any) -> None:
    body = {"messages": [USER, assistant(SIGNED, CALL), RESULT, last], "thinking": thinking}
    found = stripped(Protocol.MESSAGES, {**body, "context_management": EDITS})
    assert (found["thinking"], found["context_management"]) == (thinking, EDITS)
    assert found["messages"][1] == assistant(CALL)


# --- responses ---

REASONING = {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "sealed"}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]}
CALLED = {"type": "function_call", "call_id": "c", "name": "n", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "42"}


def test_responses_lose_reasoning_and_the_ids_of_what_followed_it() -> None:
    body = {
        "input": [USER, REASONING, {**SAID, "id": "msg"}, {**CALLED, "id": "fc"}, OUTPUT],
        "previous_response_id": "resp",
        "store": False,
    }
    assert stripped(Protocol.RESPONSES, body) == {**body, "input": [USER, SAID, CALLED, OUTPUT]}


@pytest.mark.parametrize(
    ("item", "left"),
    [
        ({**SAID, "id": "msg"}, [SAID]),
        (
            {"role": "assistant", "content": "Hi", "id": "msg"},
            [{"role": "assistant", "content": "Hi"}],
        ),
        ({"type": "reasoning", "id": "rs", "summary": []}, []),
        (
            {"type": "custom_tool_call", "id": "x", "input": ""},
            [{"type": "custom_tool_call", "input": ""}],
        ),
    ],
)
def test_ids_belong_to_the_account_without_reasoning_too(item: Any, left: list[Any]) -> None:
    found = stripped(Protocol.RESPONSES, {"input": [USER, item]})
    assert found == {"input": [USER, *left]}


@pytest.mark.parametrize(
    "body",
    [
        {"input": "encrypted_content", "previous_response_id": "resp"},
        {"input": [USER, OUTPUT]},
        {"input": [USER, {"type": "item_reference", "id": "msg"}]},
        {"input": [USER, {"type": "compaction", "id": "cmp", "encrypted_content": "sealed"}]},
        {"input": [USER, {"type": "web_search_call", "id": "ws"}]},
        {"input": [USER, {"type": "reasoning", "summary": []}]},
        {"input": [REASONING]},  # without it nothing would be left to ask
        {"previous_response_id": "resp", "id": "x"},
    ],
)
def test_responses_without_it_are_the_same_object(body: Any) -> None:
    assert is_untouched(Protocol.RESPONSES, body)


# --- all ---


def test_everything_else_keeps_its_bytes() -> None:
    other = b'{"role": "user", "content": "\\u00e9 \xc3\xa9", "x": [1.50, 1e3]}'
    sealed = b'{"role": "assistant", "reasoning_opaque": "x", "content": "Hi"}'
    body = b'{"messages": [' + other + b", " + sealed + b'], "odd": [1.50]}'
    expected = b'{"messages":[' + other + b',{"role":"assistant","content":"Hi"}],"odd":[1.50]}'
    assert portable.strip(Protocol.CHAT, body) == expected


WORDS = {
    Protocol.CHAT: b'"reasoning_opaque"',
    Protocol.MESSAGES: b'"thinking"',
    Protocol.RESPONSES: b'"encrypted_content"',
}


@pytest.mark.parametrize("protocol", STREAMED)
@pytest.mark.parametrize(
    "form",
    [b"%b", b"[%b]", b'{"messages":%b}', b'{"messages":[%b,7],"input":[[%b]]}', b'{"input":[{%b:'],
)
def test_what_cannot_be_read_is_the_same_object(protocol: Protocol, form: bytes) -> None:
    body = form.replace(b"%b", WORDS[protocol])
    assert portable.strip(protocol, body) is body


@pytest.mark.parametrize("protocol", STREAMED)
@given(
    st.recursive(
        st.none() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "messages",
                        "input",
                        "role",
                        "type",
                        "content",
                        "thinking",
                        "signature",
                        "id",
                        "encrypted_content",
                        "reasoning_opaque",
                    ]
                ),
                inner | st.sampled_from(["assistant", "thinking", "reasoning", "message"]),
            )
        ),
        max_leaves=20,
    )
)
def test_any_request_is_stripped_once(protocol: Protocol, body: Any) -> None:
    once = portable.strip(protocol, json.dumps(body).encode())
    assert portable.strip(protocol, once) is once
