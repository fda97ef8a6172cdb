"""What a Responses request becomes in chat, what is dropped of it, and what is turned away."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT

Body = dict[str, Any]

HELLO = {"role": "user", "content": "hello"}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA", "detail": "auto"}
IMAGE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}


def translated(**fields: Any) -> Body:
    body = {"model": "m", "input": "hello", **fields}
    found: Body = json.loads(RESPONSES_OVER_CHAT.request(json.dumps(body).encode()))
    return found


def messages(*items: Any) -> Any:
    return translated(input=list(items))["messages"]


def error_of(body: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        RESPONSES_OVER_CHAT.request(body)
    return caught.value


def refusal(**fields: Any) -> tuple[Fault, str | None]:
    error = error_of(json.dumps({"model": "m", "input": "hello", **fields}).encode())
    return error.fault, error.param


def spoken(role: str, *texts: str) -> Body:
    kind = "output_text" if role == "assistant" else "input_text"
    content = [{"type": kind, "text": text} for text in texts]
    return {"type": "message", "role": role, "content": content}


def called(call_id: str, name: str = "f", **more: Any) -> Body:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def gave(call_id: str, output: Any = "done", kind: str = "function_call_output") -> Body:
    return {"type": kind, "call_id": call_id, "output": output}


def chat_call(call_id: str, name: str = "f", arguments: str = "{}") -> Body:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def chat_calls(*calls: Body, content: Any = None) -> Body:
    return {"role": "assistant", "content": content, "tool_calls": list(calls)}


def chat_result(call_id: str, content: Any = "done") -> Body:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def test_a_bare_string_is_what_a_user_says() -> None:
    assert translated() == {"model": "m", "messages": [HELLO]}


def test_instructions_come_first_as_a_system_message() -> None:
    found = translated(instructions="Be brief.")["messages"]
    assert found == [{"role": "system", "content": "Be brief."}, HELLO]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (spoken("user", "a"), {"role": "user", "content": "a"}),
        ({"role": "user", "content": "a"}, {"role": "user", "content": "a"}),
        (spoken("developer", "a"), {"role": "system", "content": "a"}),
        (spoken("system", "a"), {"role": "system", "content": "a"}),
        (
            spoken("user", "a", "b"),
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            },
        ),
        (
            {"role": "user", "content": [IMAGE, {"type": "input_text", "text": "a"}]},
            {"role": "user", "content": [IMAGE_PART, {"type": "text", "text": "a"}]},
        ),
        (
            {"role": "user", "content": [{**IMAGE, "detail": "high"}]},
            {
                "role": "user",
                "content": [
                    {
                        "type": "image_url",
                        "image_url": {"url": "data:image/png;base64,AA", "detail": "high"},
                    }
                ],
            },
        ),
        (
            {
                "role": "user",
                "content": [{"type": "input_file", "file_data": "d", "filename": "n"}],
            },
            {
                "role": "user",
                "content": [{"type": "file", "file": {"filename": "n", "file_data": "d"}}],
            },
        ),
        (spoken("assistant", "a"), {"role": "assistant", "content": "a"}),
        ({"role": "assistant", "content": "a"}, {"role": "assistant", "content": "a"}),
        (
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "assistant", "content": None, "refusal": "no"},
        ),
    ],
)
def test_a_message_stays_one(item: Body, expected: Body) -> None:
    assert messages(item, spoken("user", "hello")) == [expected, HELLO]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "x"}},
        {"type": "image_generation_call", "id": "ig_1", "result": "AA", "status": "completed"},
        {"type": "tool_search_call", "call_id": "c", "arguments": {"query": "x"}},
        {"type": "tool_search_output", "call_id": "c", "tools": []},
        {"type": "mcp_list_tools", "id": "m", "tools": [{"name": "t", "input_schema": {}}]},
        spoken("assistant"),
        {"role": "assistant", "content": ""},
    ],
)
def test_what_chat_has_no_place_for_is_dropped(item: Body) -> None:
    assert messages(item, spoken("user", "hello")) == [HELLO]


# --- calls and their results ---


def test_a_message_and_the_calls_behind_it_are_one() -> None:
    found = messages(spoken("assistant", "a"), called("1"), called("2"), gave("1"), gave("2"))
    calls = chat_calls(chat_call("1"), chat_call("2"), content="a")
    assert found == [calls, chat_result("1"), chat_result("2")]


def test_calls_after_a_result_are_another_message() -> None:
    found = messages(called("1"), gave("1"), called("2"), gave("2"))
    assert found == [
        chat_calls(chat_call("1")),
        chat_result("1"),
        chat_calls(chat_call("2")),
        chat_result("2"),
    ]


def test_what_is_said_between_a_call_and_its_result_belongs_to_the_call() -> None:
    found = messages(called("1"), spoken("assistant", "a"), gave("1"))
    assert found == [chat_calls(chat_call("1"), content="a"), chat_result("1")]


def test_texts_of_one_message_stay_apart() -> None:
    found = messages(spoken("assistant", "a"), called("1"), spoken("assistant", "b"), gave("1"))
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert found == [chat_calls(chat_call("1"), content=content), chat_result("1")]


def test_messages_without_calls_stay_apart() -> None:
    found = messages(spoken("assistant", "a"), spoken("assistant", "b"), called("1"), gave("1"))
    said = {"role": "assistant", "content": "a"}
    assert found == [said, chat_calls(chat_call("1"), content="b"), chat_result("1")]


def test_whoever_speaks_between_a_call_and_its_result_comes_after_both() -> None:
    found = messages(called("1"), spoken("user", "hello"), gave("1"))
    assert found == [chat_calls(chat_call("1")), chat_result("1"), HELLO]


def test_a_custom_tool_is_a_function_with_one_argument() -> None:
    call = {"type": "custom_tool_call", "call_id": "1", "name": "patch", "input": 'a "b"\n'}
    found = messages(call, gave("1", kind="custom_tool_call_output"))
    assert found == [
        chat_calls(chat_call("1", "patch", '{"input":"a \\"b\\"\\n"}')),
        chat_result("1"),
    ]


def test_a_local_shells_call_is_a_call_of_that_name() -> None:
    action = {"type": "exec", "command": ["ls"]}
    call = {"type": "local_shell_call", "call_id": "1", "action": action}
    output = {"type": "local_shell_call_output", "id": "1", "output": "files"}
    assert messages(call, output) == [
        chat_calls(chat_call("1", "local_shell", '{"type":"exec","command":["ls"]}')),
        chat_result("1", "files"),
    ]


def test_texts_of_a_result_stay_in_it() -> None:
    one, two = ({"type": "input_text", "text": text} for text in "ab")
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert messages(called("1"), gave("1", [one]))[-1] == chat_result("1", "a")
    assert messages(called("1"), gave("1", [one, two]))[-1] == chat_result("1", parts)
    assert messages(called("1"), gave("1", []))[-1] == chat_result("1", "")


def test_images_of_results_are_shown_behind_all_results() -> None:
    text = {"type": "input_text", "text": "a"}
    found = messages(called("1"), called("2"), gave("1", [IMAGE]), gave("2", [text, IMAGE]))
    assert found[1:] == [
        chat_result("1", "What this tool call gave is shown below."),
        chat_result("2", "a"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Given by the tool call 1:"},
                IMAGE_PART,
                {"type": "text", "text": "Given by the tool call 2:"},
                IMAGE_PART,
            ],
        },
    ]


# --- fields ---


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"temperature": 0.25, "top_p": 0.5}, {"temperature": 0.25, "top_p": 0.5}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": False}, {}),
        ({"user": "u", "safety_identifier": "s"}, {"user": "u", "safety_identifier": "s"}),
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k"}),
        ({"max_output_tokens": 100}, {"max_tokens": 100}),
        ({"reasoning": {"effort": "high", "summary": "auto"}}, {"reasoning_effort": "high"}),
        ({"reasoning": {"summary": "auto"}}, {}),
        ({"text": {"verbosity": "low"}}, {"verbosity": "low"}),
        ({"text": {"format": {"type": "text"}}}, {"response_format": {"type": "text"}}),
        (
            {"text": {"format": {"type": "json_object"}}},
            {"response_format": {"type": "json_object"}},
        ),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": True}, {}),
        ({"previous_response_id": None, "conversation": None, "background": False}, {}),
        ({"store": True, "include": ["reasoning.encrypted_content"]}, {}),
        ({"truncation": "auto", "context_management": [{"type": "compaction"}]}, {}),
        ({"metadata": {"a": "b"}, "client_metadata": {"a": "b"}, "service_tier": "auto"}, {}),
        ({"top_logprobs": 3, "max_tool_calls": 1, "stream_options": {}, "unheard_of": 1}, {}),
    ],
)
def test_a_field_becomes(fields: Body, expected: Body) -> None:
    found = translated(**fields)
    del found["model"], found["messages"]
    assert found == expected


def test_a_schema_for_the_answer_is_nested_and_otherwise_as_it_was() -> None:
    wanted = {"name": "n", "description": "d", "strict": True, "schema": SCHEMA}
    found = translated(text={"format": {"type": "json_schema", **wanted}})
    assert found["response_format"] == {"type": "json_schema", "json_schema": wanted}


def function(name: str, **more: Any) -> Body:
    parameters = {"type": "object", "properties": {}}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ({"type": "function", "name": "f", "strict": False}, function("f")),
        (
            {
                "type": "function",
                "name": "f",
                "description": "d",
                "parameters": SCHEMA,
                "strict": True,
            },
            function("f", description="d", parameters=SCHEMA, strict=True),
        ),
    ],
)
def test_a_function_is_nested(tool: Body, expected: Body) -> None:
    assert translated(tools=[tool])["tools"] == [expected]


def test_a_custom_tool_says_what_its_text_has_to_follow() -> None:
    form = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    tool = {"type": "custom", "name": "patch", "description": "Edits files.", "format": form}
    (found,) = translated(tools=[tool])["tools"]
    argument = {"type": "string", "description": "All of the tool's input, as text."}
    assert found["function"] == {
        "name": "patch",
        "description": "Edits files.\n\n'input' must follow this lark grammar:\nstart: x",
        "parameters": {
            "type": "object",
            "properties": {"input": argument},
            "required": ["input"],
            "additionalProperties": False,
        },
    }


def names(**fields: Any) -> list[str]:
    return [tool["function"]["name"] for tool in translated(**fields).get("tools", ())]


def in_namespace(name: str, *tools: str) -> Body:
    listed = [{"type": "function", "name": tool} for tool in tools]
    return {"type": "namespace", "name": name, "description": "d", "tools": listed}


@pytest.mark.parametrize(
    ("namespace", "tool", "expected"),
    [
        ("mcp__files__", "read", "mcp__files__read"),
        ("mcp__files", "read", "mcp__files__read"),
        ("n", "t" * 61, "n__" + "t" * 61),
    ],
)
def test_a_namespaces_tool_has_both_names(namespace: str, tool: str, expected: str) -> None:
    assert names(tools=[in_namespace(namespace, tool)]) == [expected]


def test_names_that_are_too_long_stay_different() -> None:
    one, two = names(tools=[in_namespace("mcp__" + "n" * 60, "read", "write")])
    assert one != two
    assert len(one) == len(two) == 64


def test_a_call_of_a_namespaces_tool_has_the_same_name_in_the_history() -> None:
    call = called("1", "read", namespace="mcp__files__")
    found = translated(input=[call, gave("1")], tools=[in_namespace("mcp__files__", "read")])
    assert found["messages"][0]["tool_calls"][0]["function"]["name"] == "mcp__files__read"


@pytest.mark.parametrize(
    "kind", ["web_search", "web_search_preview", "image_generation", "local_shell", "tool_search"]
)
def test_tools_that_agents_offer_unasked_are_left_out(kind: str) -> None:
    assert names(tools=[{"type": kind}, {"type": "function", "name": "f"}]) == ["f"]
    assert "tools" not in translated(tools=[{"type": kind}], tool_choice="auto")


def test_tools_that_came_with_the_input_are_offered_as_well() -> None:
    offered = [{"type": "function", "name": "f"}, {"type": "function", "name": "g"}]
    more = {"type": "additional_tools", "role": "developer", "tools": offered}
    found = names(input=[more, HELLO], tools=[{"type": "function", "name": "f"}])
    assert found == ["f", "g"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("none", "none"),
        ("auto", "auto"),
        ("required", "required"),
        ({"type": "function", "name": "f"}, {"type": "function", "function": {"name": "f"}}),
        ({"type": "custom", "name": "c"}, {"type": "function", "function": {"name": "c"}}),
        (
            {"type": "function", "name": "t", "namespace": "n"},
            {"type": "function", "function": {"name": "n__t"}},
        ),
        (
            {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}, {"type": "web_search"}],
            },
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}],
                },
            },
        ),
    ],
)
def test_a_choice_names_a_function(choice: Any, expected: Any) -> None:
    tools = [
        {"type": "function", "name": "f"},
        {"type": "custom", "name": "c"},
        in_namespace("n", "t"),
    ]
    found = translated(tools=tools, tool_choice=choice, parallel_tool_calls=False)
    assert found["tool_choice"] == expected
    assert found["parallel_tool_calls"] is False


REFUSED = Fault.CALLER_REQUEST_REFUSED
INVALID = Fault.CALLER_BODY_INVALID
F = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("fields", "fault", "param"),
    [
        ({"previous_response_id": "resp_1"}, REFUSED, "previous_response_id"),
        ({"conversation": "conv_1"}, REFUSED, "conversation"),
        ({"conversation": {"id": "conv_1"}}, REFUSED, "conversation"),
        ({"prompt": {"id": "p"}}, REFUSED, "prompt"),
        ({"background": True}, REFUSED, "background"),
        ({"tools": [{"type": "file_search"}]}, REFUSED, "tools[0].type"),
        ({"tools": [{"type": "mcp", "server_label": "x"}]}, REFUSED, "tools[0].type"),
        (
            {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "web_search"}]}]},
            REFUSED,
            "tools[0].tools[0].type",
        ),
        ({"tools": [in_namespace("n.s", "t")]}, REFUSED, "tools[0].tools[0]"),
        ({"tools": [F, {"type": "custom", "name": "f"}]}, REFUSED, "tools[1].name"),
        (
            {"tools": [in_namespace("n", "t"), in_namespace("n__", "t")]},
            REFUSED,
            "tools[1].tools[0].name",
        ),
        ({"tools": [F], "tool_choice": {"type": "web_search"}}, REFUSED, "tool_choice"),
        ({"tools": [F], "tool_choice": {"type": "function", "name": "g"}}, REFUSED, "tool_choice"),
        ({"tools": [{"type": "web_search"}], "tool_choice": "required"}, REFUSED, "tool_choice"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, REFUSED, "input[0].type"),
        ({"input": [{"id": "x"}]}, REFUSED, "input[0].type"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, REFUSED, "input[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            REFUSED,
            "input[0].content[0].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "x"}]}]},
            REFUSED,
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "x"}]}]},
            REFUSED,
            "input[0].content[0].file_url",
        ),
        (
            {"input": [{"role": "assistant", "content": [IMAGE]}]},
            REFUSED,
            "input[0].content[0].type",
        ),
        ({"input": []}, INVALID, "input"),
        ({"input": 5}, INVALID, "input"),
        ({"model": ""}, INVALID, "model"),
        ({"model": 5}, INVALID, "model"),
        ({"input": [{"role": "robot"}]}, INVALID, "input[0].role"),
        (
            {"input": [{"role": "user", "content": [IMAGE, {}]}]},
            REFUSED,
            "input[0].content[1].type",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text"}]}]},
            INVALID,
            "input[0].content[0].text",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image"}]}]},
            INVALID,
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            INVALID,
            "input[0].content[0].file_data",
        ),
        ({"input": [called("1")]}, INVALID, "input[0].call_id"),
        ({"input": [called("1"), called("2"), gave("2")]}, INVALID, "input[0].call_id"),
        ({"input": [gave("1")]}, INVALID, "input[0].call_id"),
        ({"input": [called("1"), called("1"), gave("1")]}, INVALID, "input[1].call_id"),
        ({"input": [{**called("1"), "arguments": {}}]}, INVALID, "input[0].arguments"),
        ({"input": [called("1", "a b")]}, INVALID, "input[0].name"),
        ({"input": [called("1"), gave("1", {"a": 1})]}, INVALID, "input[1].output"),
        ({"input": [{"type": "function_call_output"}]}, INVALID, "input[0].call_id"),
        ({"tools": [{"type": "function"}]}, INVALID, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "a.b"}]}, INVALID, "tools[0].name"),
        ({"tools": [{"type": "namespace", "tools": []}]}, INVALID, "tools[0].name"),
        ({"tools": [{**F, "parameters": 5}]}, INVALID, "tools[0].parameters"),
        ({"tools": [F], "tool_choice": "any"}, INVALID, "tool_choice"),
        ({"max_output_tokens": 0}, INVALID, "max_output_tokens"),
        ({"text": {"format": {"type": "xml"}}}, INVALID, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, INVALID, "text.format.name"),
        (
            {"text": {"format": {"type": "json_schema", "name": "n"}}},
            INVALID,
            "text.format.schema",
        ),
    ],
)
def test_is_turned_away_by_name(fields: Body, fault: Fault, param: str) -> None:
    assert refusal(**fields) == (fault, param)


def test_a_previous_response_is_said_to_be_unknown_in_the_word_clients_act_on() -> None:
    error = error_of(b'{"model":"m","input":"x","previous_response_id":"resp_1"}')
    assert error.code == "previous_response_not_found"
    assert "input" in error.message
    assert "resp_1" not in error.message


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"nothing", b'{"model":"m"}', b'{"input":"\xff"}', b"[" * 100_000, b"null"],
)
def test_what_is_no_request_is_invalid(body: bytes) -> None:
    assert error_of(body).fault is INVALID


def test_nothing_of_a_value_is_said_in_an_error() -> None:
    secret = "rosebud"
    for fields in (
        {"input": [{"role": secret}]},
        {"input": [{"type": secret}]},
        {"input": [{"role": "user", "content": [{"type": secret}]}]},
        {"input": [called(secret)]},
        {"input": [gave(secret)]},
        {"temperature": secret, "input": "x"},
        {"tools": [{"type": "function", "name": secret + "!"}], "input": "x"},
        {"tools": [F], "tool_choice": {"type": "function", "name": secret}, "input": "x"},
    ):
        error = error_of(json.dumps({"model": "m", **fields}).encode())
        assert secret not in error.message + str(error.param)
