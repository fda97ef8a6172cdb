"""What a chat request becomes in Responses, what is dropped of it, and what is turned away."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.chat_over_responses.translation import CHAT_OVER_RESPONSES

Body = dict[str, Any]

HELLO = {"role": "user", "content": "hello"}
HELLO_ITEM = {"type": "message", "role": "user", "content": "hello"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "number", "minimum": 1.50}}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "done"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}
IMAGE_PART = {
    "type": "input_image",
    "image_url": "data:image/png;base64,AA",
    "detail": "auto",
}


def translated(**fields: Any) -> Body:
    body = {"model": "m", "messages": [HELLO], **fields}
    found: Body = json.loads(CHAT_OVER_RESPONSES.request(json.dumps(body).encode()))
    return found


def items(*messages: Any) -> Any:
    return translated(messages=list(messages))["input"]


def error_of(body: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_RESPONSES.request(body)
    return caught.value


def refusal(**fields: Any) -> tuple[Fault, str | None]:
    body = {"model": "m", "messages": [HELLO], **fields}
    error = error_of(json.dumps(body).encode())
    return error.fault, error.param


def output_text(text: str) -> Body:
    return {"type": "output_text", "text": text, "annotations": []}


def test_nothing_is_kept_upstream() -> None:
    assert translated() == {"model": "m", "input": [HELLO_ITEM], "store": False}


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ({"role": "system", "content": "Be brief."}, {"role": "system", "content": "Be brief."}),
        ({"role": "developer", "content": "x"}, {"role": "developer", "content": "x"}),
        ({"role": "user", "content": "x", "name": "Ann"}, {"role": "user", "content": "x"}),
        ({"role": "user", "content": ""}, {"role": "user", "content": ""}),
        ({"role": "user", "content": None}, {"role": "user", "content": ""}),
        (
            {"role": "user", "content": [{"type": "text", "text": "what is"}, IMAGE]},
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "what is"}, IMAGE_PART],
            },
        ),
        (
            {
                "role": "user",
                "content": [{"type": "image_url", "image_url": {"url": "u", "detail": "low"}}],
            },
            {
                "role": "user",
                "content": [{"type": "input_image", "image_url": "u", "detail": "low"}],
            },
        ),
        (
            {
                "role": "user",
                "content": [{"type": "file", "file": {"file_data": "d", "filename": "n"}}],
            },
            {
                "role": "user",
                "content": [{"type": "input_file", "file_data": "d", "filename": "n"}],
            },
        ),
        (
            {"role": "assistant", "content": "hi"},
            {"role": "assistant", "content": [output_text("hi")]},
        ),
        (
            {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
            {"role": "assistant", "content": [output_text("hi")]},
        ),
        (
            {"role": "assistant", "content": None, "refusal": "no"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        ),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        ),
        (
            {
                "role": "assistant",
                "content": "hi",
                "reasoning_text": "Hm.",
                "reasoning_opaque": "x",
            },
            {"role": "assistant", "content": [output_text("hi")]},
        ),
    ],
)
def test_a_message_becomes_an_item(message: Body, item: Body) -> None:
    assert items(message, HELLO) == [{"type": "message", **item}, HELLO_ITEM]


def test_an_assistant_that_said_nothing_is_left_out() -> None:
    assert items({"role": "assistant", "content": ""}, HELLO) == [HELLO_ITEM]


def test_messages_of_the_same_role_stay_apart() -> None:
    assert items(HELLO, HELLO) == [HELLO_ITEM, HELLO_ITEM]


def test_calls_follow_what_was_said_and_results_name_their_calls() -> None:
    custom = {"id": "call_2", "type": "custom", "custom": {"name": "patch", "input": "*** x"}}
    asked = {"role": "assistant", "content": "ok", "tool_calls": [CALL, custom]}
    given = {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "y"}]}
    assert items(HELLO, asked, given, RESULT)[1:] == [
        {"type": "message", "role": "assistant", "content": [output_text("ok")]},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "*** x"},
        {
            "type": "custom_tool_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "y"}],
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "done"},
    ]


def test_images_in_results_stay_in_them() -> None:
    asked = {"role": "assistant", "tool_calls": [CALL]}
    found = items(HELLO, asked, {**RESULT, "content": [IMAGE]})
    assert found[-1]["output"] == [IMAGE_PART]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"temperature": 0.25, "top_p": 0.5}, {"temperature": 0.25, "top_p": 0.5}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"user": "u", "safety_identifier": "s"}, {"user": "u", "safety_identifier": "s"}),
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"max_tokens": 100}, {"max_output_tokens": 100}),
        ({"max_completion_tokens": 100, "max_tokens": 7}, {"max_output_tokens": 100}),
        ({"max_tokens": 1}, {"max_output_tokens": 16}),
        ({"reasoning_effort": "high"}, {"reasoning": {"effort": "high"}}),
        ({"verbosity": "low"}, {"text": {"verbosity": "low"}}),
        ({"response_format": {"type": "text"}}, {"text": {"format": {"type": "text"}}}),
        ({"n": 1, "stop": None}, {}),
        ({"stop": []}, {}),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}),
        ({"logprobs": True, "top_logprobs": 3, "seed": 1, "logit_bias": {}}, {}),
        ({"frequency_penalty": 1, "presence_penalty": 1, "service_tier": "auto"}, {}),
        ({"store": True, "prediction": {}, "copilot_cache_control": {}, "unheard_of": 1}, {}),
    ],
)
def test_a_field_becomes(fields: Body, expected: Body) -> None:
    found = translated(**fields)
    for name in ("model", "input", "store"):
        del found[name]
    assert found == expected


def test_a_schema_for_the_answer_is_flat_and_otherwise_as_it_was() -> None:
    wanted = {"name": "n", "description": "d", "strict": True, "schema": SCHEMA}
    form = {"type": "json_schema", "json_schema": wanted}
    assert translated(response_format=form)["text"] == {"format": {"type": "json_schema", **wanted}}


def test_numbers_in_a_schema_keep_their_spelling() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function",'
    body += b'"function":{"name":"f","parameters":{"minimum":1.50e1,"const":"\\u00e9"}}}]}'
    found = CHAT_OVER_RESPONSES.request(body)
    assert b'{"minimum":1.50e1,"const":"\\u00e9"}' in found


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        (
            {"type": "function", "function": {"name": "f", "parameters": SCHEMA}},
            {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False},
        ),
        (
            {"type": "function", "function": {"name": "f", "description": "d", "strict": True}},
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": {"type": "object", "properties": {}},
                "strict": True,
            },
        ),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "name": "c"}),
        (
            {
                "type": "custom",
                "custom": {
                    "name": "c",
                    "description": "d",
                    "format": {"type": "grammar", "grammar": {"definition": "x", "syntax": "lark"}},
                },
            },
            {
                "type": "custom",
                "name": "c",
                "description": "d",
                "format": {"type": "grammar", "definition": "x", "syntax": "lark"},
            },
        ),
    ],
)
def test_a_tool_is_flat(tool: Body, expected: Body) -> None:
    assert translated(tools=[tool])["tools"] == [expected]


NAMED = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        (NAMED, {"type": "function", "name": "f"}),
        ({"type": "custom", "custom": {"name": "c"}}, {"type": "custom", "name": "c"}),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [NAMED]}},
            {
                "type": "allowed_tools",
                "mode": "auto",
                "tools": [{"type": "function", "name": "f"}],
            },
        ),
    ],
)
def test_a_choice_is_flat(choice: Any, expected: Any) -> None:
    found = translated(tools=[NAMED], tool_choice=choice, parallel_tool_calls=False)
    assert found["tool_choice"] == expected
    assert found["parallel_tool_calls"] is False


REFUSED = Fault.CALLER_REQUEST_REFUSED
INVALID = Fault.CALLER_BODY_INVALID


@pytest.mark.parametrize(
    ("fields", "fault", "param"),
    [
        ({"n": 2}, REFUSED, "n"),
        ({"stop": "END"}, REFUSED, "stop"),
        ({"stop": ["END"]}, REFUSED, "stop"),
        ({"functions": [{"name": "f"}]}, REFUSED, "functions"),
        ({"modalities": ["text", "audio"]}, REFUSED, "modalities"),
        ({"tools": [{"type": "web_search"}]}, REFUSED, "tools[0].type"),
        ({"messages": [{"role": "function", "content": "x"}]}, REFUSED, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            REFUSED,
            "messages[0].content[0].type",
        ),
        (
            {"messages": [{"role": "assistant", "content": [IMAGE]}]},
            REFUSED,
            "messages[0].content[0].type",
        ),
        ({"messages": []}, INVALID, "messages"),
        ({"messages": [{"role": "assistant", "content": ""}]}, INVALID, "messages"),
        ({"messages": [{"role": "robot"}]}, INVALID, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, INVALID, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, INVALID, "messages[0].tool_call_id"),
        ({"messages": [{"role": "user", "content": 5}]}, INVALID, "messages[0].content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            INVALID,
            "messages[0].content[0].text",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            INVALID,
            "messages[0].content[0].image_url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "file", "file": {}}]}]},
            INVALID,
            "messages[0].content[0].file.file_data",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]},
            INVALID,
            "messages[0].tool_calls[0]",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            INVALID,
            "tools[0].function.name",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "a" * 65}}]},
            INVALID,
            "tools[0].function.name",
        ),
        ({"tools": [{"type": "function"}]}, INVALID, "tools[0].function"),
        ({"tools": [{"type": "custom"}]}, INVALID, "tools[0].custom"),
        (
            {"messages": [{"role": "assistant", "content": [{"type": "refusal"}]}]},
            INVALID,
            "messages[0].content[0].refusal",
        ),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            INVALID,
            "tools[0].function.parameters",
        ),
        ({"tools": [NAMED], "tool_choice": "any"}, INVALID, "tool_choice"),
        ({"tools": [NAMED], "tool_choice": {"type": "function"}}, INVALID, "tool_choice"),
        ({"max_tokens": 0}, INVALID, "max_tokens"),
        ({"max_tokens": "many"}, INVALID, "max_tokens"),
        ({"temperature": "hot"}, INVALID, "temperature"),
        ({"model": ""}, INVALID, "model"),
        ({"response_format": {"type": "xml"}}, INVALID, "response_format.type"),
        (
            {"response_format": {"type": "json_schema"}},
            INVALID,
            "response_format.json_schema",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}},
            INVALID,
            "response_format.json_schema.schema",
        ),
    ],
)
def test_is_turned_away_by_name(fields: Body, fault: Fault, param: str) -> None:
    assert refusal(**fields) == (fault, param)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nothing", b'{"model":"m"}', b'{"messages":"\xff"}', b"[" * 100_000, b"null"],
)
def test_what_is_no_request_is_invalid(body: bytes) -> None:
    assert error_of(body).fault is INVALID


def test_nothing_of_a_value_is_said_in_an_error() -> None:
    secret = "rosebud"
    for fields in (
        {"messages": [{"role": secret}]},
        {"messages": [{"role": "user", "content": [{"type": secret}]}]},
        {"temperature": secret, "messages": [HELLO]},
        {"tools": [{"type": "function", "function": {"name": secret + "!"}}], "messages": [HELLO]},
        {"tools": [NAMED], "tool_choice": secret, "messages": [HELLO]},
    ):
        error = error_of(json.dumps({"model": "m", **fields}).encode())
        assert secret not in error.message + str(error.param)
