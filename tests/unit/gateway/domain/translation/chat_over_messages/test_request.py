"""What a chat request becomes for a model that only has Messages, rule by rule."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from tests.unit.gateway.domain.translation.chat_and_messages import compact

PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
HI: dict[str, Any] = {"role": "user", "content": "Hi"}
EPHEMERAL = {"type": "ephemeral"}


def messages(said: list[Any] | None = None, **more: Any) -> Any:
    body = {"model": "claude", "messages": [HI] if said is None else said, **more}
    return json.loads(CHAT_OVER_MESSAGES.request(compact(body)))


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def call(id_: str = "call_1", name: str = "look", arguments: str = "{}") -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def calling(*calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls), **more}


def result(content: Any, id_: str = "call_1", **more: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": id_, "content": content, **more}


def refusal(said: list[Any] | None = None, **more: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        messages(said, **more)
    return caught.value


def test_the_least_request() -> None:
    assert messages() == {
        "model": "claude",
        "messages": [{"role": "user", "content": [text("Hi")]}],
        "max_tokens": 16_000,
    }


# --- instructions ---


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_at_the_beginning_are_the_system_prompt(role: str) -> None:
    said = [{"role": role, "content": "One."}, {"role": "system", "content": [text("Two.")]}, HI]
    body = messages(said)
    assert body["system"] == [text("One."), text("Two.")]
    assert len(body["messages"]) == 1


@pytest.mark.parametrize("role", ["system", "developer"])
def test_instructions_in_the_middle_stay_there_and_say_what_they_are(role: str) -> None:
    said = [HI, {"role": "assistant", "content": "a"}, {"role": role, "content": "Be brief."}]
    body = messages(said)
    reminder = "<system-reminder>\nBe brief.\n</system-reminder>"
    assert body["messages"][2] == {"role": "user", "content": [text(reminder)]}
    assert "system" not in body


def test_instructions_alone_are_what_the_user_says() -> None:
    body = messages([{"role": "system", "content": "Greet me."}])
    assert body["messages"] == [{"role": "user", "content": [text("Greet me.")]}]
    assert "system" not in body


# --- what the user says ---


@pytest.mark.parametrize(
    ("content", "blocks"),
    [
        ("Hi", [text("Hi")]),
        ([text("a"), text(" \n"), text(""), text("b")], [text("a"), text("b")]),
        ([PNG_PART], [{"type": "image", "source": PNG}]),
        (
            [{"type": "image_url", "image_url": {"url": "https://e.org/a", "detail": "high"}}],
            [{"type": "image", "source": {"type": "url", "url": "https://e.org/a"}}],
        ),
        (
            [
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,aGk=",
                    },
                }
            ],
            [
                {
                    "type": "document",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                    "title": "a.pdf",
                }
            ],
        ),
    ],
)
def test_what_the_user_says_becomes_blocks(content: Any, blocks: Any) -> None:
    assert messages([{"role": "user", "content": content}])["messages"][0]["content"] == blocks


def test_messages_of_one_role_in_a_row_are_one_turn() -> None:
    said = [HI, {"role": "user", "content": "b", "name": "Ann"}]
    assert messages(said)["messages"] == [{"role": "user", "content": [text("Hi"), text("b")]}]


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        (
            {"content": "a", "copilot_cache_control": EPHEMERAL},
            [text("a", cache_control=EPHEMERAL)],
        ),
        (
            {"content": [text("a", cache_control={**EPHEMERAL, "scope": "x"}), text("b")]},
            [text("a", cache_control=EPHEMERAL), text("b")],
        ),
        (
            {"content": [text("a"), text("b")], "cache_control": {**EPHEMERAL, "ttl": "1h"}},
            [text("a"), text("b", cache_control={**EPHEMERAL, "ttl": "1h"})],
        ),
    ],
)
def test_marks_for_the_cache_are_kept(message: Any, blocks: Any) -> None:
    assert messages([{"role": "user", **message}])["messages"][0]["content"] == blocks


# --- what the assistant said ---


def test_the_assistants_text_comes_before_its_calls() -> None:
    said = [HI, calling(call(arguments='{"a": 1}'), content="I look."), result("seen")]
    assert messages(said)["messages"][1] == {
        "role": "assistant",
        "content": [
            text("I look."),
            {"type": "tool_use", "id": "call_1", "name": "look", "input": {"a": 1}},
        ],
    }


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ("", {}),
        (" ", {}),
        ("{}", {}),
        ('{"a":', {"arguments": '{"a":'}),
        ("[1]", {"arguments": "[1]"}),
    ],
)
def test_arguments_become_an_object(arguments: str, given: Any) -> None:
    said = [HI, calling(call(arguments=arguments)), result("seen")]
    assert messages(said)["messages"][1]["content"][0]["input"] == given


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "refusal": "No."},
        {"content": [{"type": "refusal", "refusal": "No."}]},
    ],
)
def test_a_refusal_was_said(message: Any) -> None:
    said = [HI, {"role": "assistant", **message}, HI]
    assert messages(said)["messages"][1]["content"] == [text("No.")]


def test_an_assistants_message_of_nothing_is_left_out() -> None:
    said = [HI, {"role": "assistant", "content": " \n"}, HI]
    assert [each["role"] for each in messages(said)["messages"]] == ["user", "user"]


def test_where_the_assistant_speaks_first_the_user_says_so() -> None:
    said = [{"role": "assistant", "content": "Hello!"}, HI]
    first, second, _ = messages(said)["messages"]
    assert first == {"role": "user", "content": [text("(The assistant speaks first.)")]}
    assert second["content"] == [text("Hello!")]


def test_words_to_be_continued_end_without_blanks() -> None:
    said = [HI, {"role": "assistant", "content": "It is \n"}]
    assert messages(said)["messages"][1]["content"] == [text("It is")]


def test_ids_in_letters_that_anthropic_does_not_take_are_written_in_those_it_takes() -> None:
    said = [HI, calling(call("a.b:0"), call("a_b-0")), result("x", "a.b:0"), result("y", "a_b-0")]
    calls, results = messages(said)["messages"][1:]
    assert [each["id"] for each in calls["content"]] == ["a_2e_b_3a_0", "a_b-0"]
    assert [each["tool_use_id"] for each in results["content"]] == ["a_2e_b_3a_0", "a_b-0"]


# --- results of tools ---


def test_results_are_one_turn_with_what_follows_them_and_come_first() -> None:
    said = [
        HI,
        calling(call(), call("call_2")),
        result("one"),
        {"role": "user", "content": "And?"},
        {"role": "system", "content": "Be brief."},
        result("two", "call_2"),
    ]
    body = messages(said)["messages"]
    assert len(body) == 3
    assert body[2]["role"] == "user"
    assert body[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1", "content": [text("one")]},
        {"type": "tool_result", "tool_use_id": "call_2", "content": [text("two")]},
        text("And?"),
        text("<system-reminder>\nBe brief.\n</system-reminder>"),
    ]


def test_a_result_of_nothing_has_no_content() -> None:
    said = [HI, calling(call()), result("")]
    assert messages(said)["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "call_1"}
    ]


def test_a_result_may_hold_pictures_and_is_marked_for_the_cache_as_a_whole() -> None:
    said = [HI, calling(call()), result([text("a", cache_control=EPHEMERAL), PNG_PART])]
    assert messages(said)["messages"][2]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "call_1",
            "content": [text("a"), {"type": "image", "source": PNG}],
            "cache_control": EPHEMERAL,
        }
    ]


# --- thinking ---

SEALED = 'messages:[[3,"s1"],[-1,"hidden"],[4,"s2"]]'
THOUGHTS = [
    {"type": "thinking", "thinking": "Hm.", "signature": "s1"},
    {"type": "redacted_thinking", "data": "hidden"},
    {"type": "thinking", "thinking": "Oh! ", "signature": "s2"},
]
THINKING = {"reasoning_text": "Hm.Oh! ", "reasoning_opaque": SEALED}


def test_thinking_goes_back_as_it_came() -> None:
    said = [HI, calling(call(), **THINKING), result("seen")]
    body = messages(said, reasoning_effort="low")
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 4096}
    assert body["messages"][1]["content"][:3] == THOUGHTS


@pytest.mark.parametrize(
    "change",
    [
        {"reasoning_text": "Hm.Oh!"},
        {"reasoning_text": None},
        {"reasoning_opaque": None},
        {"reasoning_opaque": "sealed by another model"},
        {"reasoning_opaque": '[[7,"s1"]]'},
        {"reasoning_opaque": "messages:[[3]]"},
        {"reasoning_opaque": "messages:"},
    ],
)
def test_thinking_that_is_not_as_it_came_does_not(change: dict[str, Any]) -> None:
    said = [HI, calling(call(), **{**THINKING, **change}), result("seen")]
    body = messages(said, model="claude-opus-5", reasoning_effort="low")
    assert body["thinking"]
    assert [block["type"] for block in body["messages"][1]["content"]] == ["tool_use"]


def test_thoughts_go_only_where_there_is_thinking() -> None:
    said = [HI, {"role": "assistant", "content": "a", **THINKING}, HI]
    assert messages(said)["messages"][1]["content"] == [text("a")]


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ([HI, calling(call()), result("seen")], {}),
        ([HI, {"role": "assistant", "content": "It is"}], {}),
        ([HI], {"tool_choice": "required"}),
        ([HI], {"tool_choice": {"type": "function", "function": {"name": "look"}}}),
    ],
    ids=["a turn without thinking goes on", "words go on", "a tool must be", "this tool must be"],
)
def test_where_anthropic_forbids_thinking_it_is_off(said: Any, more: Any) -> None:
    tool = {"type": "function", "function": {"name": "look"}}
    body = messages(said, reasoning_effort="high", tools=[tool], temperature=0.5, **more)
    assert "thinking" not in body
    assert body["temperature"] == 0.5


@pytest.mark.parametrize(
    ("more", "most", "budget"),
    [
        ({}, 16_000, None),
        ({"stream": True}, 32_000, None),
        ({"reasoning_effort": "none"}, 16_000, None),
        ({"reasoning_effort": "minimal"}, 16_000, 1024),
        ({"reasoning_effort": "low"}, 16_000, 4096),
        ({"reasoning_effort": "medium"}, 16_000, 8000),
        ({"reasoning_effort": "medium", "stream": True}, 32_000, 8192),
        ({"reasoning_effort": "high", "stream": True}, 32_000, 16_000),
        ({"reasoning_effort": "max", "max_tokens": 64_000}, 64_000, 31_999),
        ({"thinking_budget": 0}, 16_000, None),
        ({"thinking_budget": 5}, 16_000, 1024),
        ({"thinking_budget": 5000, "reasoning_effort": "low"}, 16_000, 5000),
        ({"max_tokens": 50}, 50, None),
        ({"max_completion_tokens": 60, "max_tokens": 50}, 60, None),
        ({"max_tokens": 2048, "reasoning_effort": "high"}, 2048, 1024),
        ({"max_tokens": 2047, "reasoning_effort": "high"}, 2047, None),
    ],
)
def test_how_much_may_be_said_and_thought(more: Any, most: int, budget: int | None) -> None:
    body = messages(**more)
    assert body["max_tokens"] == most
    assert body.get("thinking", {}).get("budget_tokens") == budget


ADAPTIVE = {"type": "adaptive"}
SHOWN = {"type": "adaptive", "display": "summarized"}


@pytest.mark.parametrize(
    ("model", "more", "thinking", "effort"),
    [
        ("claude-haiku-4.5", {"reasoning_effort": "low"}, "enabled", None),
        ("claude-sonnet-4.6", {"reasoning_effort": "low"}, ADAPTIVE, "low"),
        ("claude-sonnet-4.6", {"reasoning_effort": "xhigh"}, ADAPTIVE, "high"),
        ("claude-sonnet-4.6", {"thinking_budget": 5000}, "enabled", None),
        ("claude-opus-4.7", {"reasoning_effort": "minimal"}, SHOWN, "low"),
        ("claude-opus-4.7", {"reasoning_effort": "xhigh"}, SHOWN, "xhigh"),
        ("claude-opus-4.8", {"thinking_budget": 5000}, SHOWN, None),
        ("claude-opus-5", {"reasoning_effort": "max"}, SHOWN, "max"),
        ("claude-opus-5", {}, None, None),
        ("claude-opus-5", {"reasoning_effort": "none"}, None, None),
    ],
)
def test_how_a_model_is_told_to_think(
    model: str, more: Any, thinking: Any, effort: str | None
) -> None:
    body = messages(model=model, **more)
    found = body.get("thinking")
    assert (found["type"] if thinking == "enabled" else found) == thinking
    assert body.get("output_config", {}).get("effort") == effort


def test_a_model_that_thinks_by_effort_goes_on_with_a_turn_that_began_without() -> None:
    said = [HI, calling(call()), result("seen")]
    assert messages(said, model="claude-opus-5", reasoning_effort="low")["thinking"] == SHOWN


@pytest.mark.parametrize(
    ("model", "takes"), [("claude-opus-4.6", True), ("claude-opus-4.7", False)]
)
def test_newer_models_are_not_told_how_to_sample(model: str, takes: bool) -> None:
    assert ("temperature" in messages(model=model, temperature=0.5)) is takes


# --- the cache ---


def marks_of(body: Any) -> list[str]:
    """What is marked for the cache, by its text or name."""
    turns = [block for turn in body["messages"] for block in turn["content"]]
    blocks = [*body.get("system", []), *body.get("tools", []), *turns]
    return [
        block.get("text") or block.get("name") or block["tool_use_id"]
        for block in blocks
        if "cache_control" in block
    ]


LOOP = [
    {"role": "system", "content": "s"},
    {"role": "user", "content": "u"},
    calling(call()),
    result("r"),
    calling(call("call_2")),
    result("r", "call_2"),
]
LOOK = {"type": "function", "function": {"name": "look"}}


@pytest.mark.parametrize(
    ("said", "more", "marks"),
    [
        (LOOP, {"tools": [LOOK]}, ["s", "call_1", "call_2"]),
        (LOOP, {"prompt_cache_key": "k"}, ["s", "call_1", "call_2"]),
        (LOOP[1:3], {"tools": [LOOK]}, ["look", "u"]),
        (LOOP, {}, []),
        ([{**LOOP[0], "cache_control": EPHEMERAL}, *LOOP[1:]], {"tools": [LOOK]}, ["s"]),
    ],
    ids=["tools", "a key", "no instructions", "no more to come", "the caller's own"],
)
def test_where_more_is_to_come_and_the_caller_marks_nothing_it_is_marked(
    said: Any, more: Any, marks: list[str]
) -> None:
    assert marks_of(messages(said, **more)) == marks


# --- tools ---

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def function(name: str = "look", **more: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **more}}


def test_functions_become_tools() -> None:
    tool = function(description="Looks.", parameters=SCHEMA, strict=True)
    assert messages(tools=[tool, function("listen")])["tools"] == [
        {"name": "look", "description": "Looks.", "input_schema": SCHEMA},
        {
            "name": "listen",
            "input_schema": {"type": "object", "properties": {}},
            "cache_control": EPHEMERAL,
        },
    ]


@pytest.mark.parametrize(
    ("more", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "look"}}},
            {"type": "tool", "name": "look"},
        ),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": False, "tool_choice": "required"},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
        ({"parallel_tool_calls": False, "tool_choice": "none"}, {"type": "none"}),
    ],
)
def test_the_choice_of_tools(more: Any, choice: Any) -> None:
    assert messages(tools=[function()], **more).get("tool_choice") == choice


@pytest.mark.parametrize(("mode", "kind"), [("auto", "auto"), ("required", "any")])
def test_where_only_some_tools_are_allowed_there_are_no_others(mode: str, kind: str) -> None:
    allowed = {"mode": mode, "tools": [function("listen")]}
    choice = {"type": "allowed_tools", "allowed_tools": allowed}
    body = messages(tools=[function(), function("listen")], tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["listen"]
    assert body["tool_choice"] == {"type": kind}


def test_without_tools_there_is_no_choice() -> None:
    assert messages(tool_choice="auto", parallel_tool_calls=False) == messages()


# --- the rest ---


def test_a_schema_for_the_answer_says_of_each_object_that_it_is_closed() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "integer"}}}
    schema = {
        "type": "object",
        "properties": {"a": {"type": "array", "items": inner}, "any": {"type": "object"}},
        "$defs": {"open": {**inner, "additionalProperties": True}},
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": schema}}
    closed = {"additionalProperties": False}
    assert messages(response_format=wanted)["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                **schema,
                **closed,
                "properties": {
                    "a": {"type": "array", "items": {**inner, **closed}},
                    "any": {"type": "object"},
                },
            },
        }
    }


def test_any_json_object_is_asked_for_in_words() -> None:
    said = [{"role": "system", "content": "a"}, HI]
    body = messages(said, response_format={"type": "json_object"})
    assert body["system"][0] == text("a")
    assert "JSON object" in body["system"][1]["text"]
    assert "output_config" not in body


@pytest.mark.parametrize(
    ("more", "become"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"temperature": 1.7}, {"temperature": 1.0}),
        ({"top_p": 0.9}, {"top_p": 0.9}),
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5}),
        ({"temperature": 0.5, "top_p": 0.9, "reasoning_effort": "low"}, {}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"stop": []}, {}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"user": "u" * 257}, {}),
        ({"user": "u", "safety_identifier": "s"}, {"metadata": {"user_id": "s"}}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"stream": False}, {}),
    ],
)
def test_what_becomes_of_other_fields(more: Any, become: Any) -> None:
    body = messages(**more)
    same = ("model", "messages", "max_tokens", "thinking")
    assert {name: value for name, value in body.items() if name not in same} == become


def test_what_messages_has_no_place_for_is_left_out() -> None:
    more: dict[str, Any] = {
        "seed": 1,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.1,
        "store": True,
        "metadata": {"a": "b"},
        "service_tier": "auto",
        "prediction": {"type": "content"},
        "verbosity": "low",
        "n": 1,
        "logprobs": False,
        "logit_bias": {},
        "modalities": ["text"],
        "function_call": None,
        "functions": None,
        "anything": {"new": [1]},
    }
    assert messages(**more) == messages()


# --- what is turned away ---

REFUSED = Fault.CALLER_REQUEST_REFUSED
INVALID = Fault.CALLER_BODY_INVALID
SECRET = "do not quote me"


@pytest.mark.parametrize(
    ("more", "fault", "param"),
    [
        ({"n": 2}, REFUSED, "n"),
        ({"functions": [{"name": "a"}]}, REFUSED, "functions"),
        ({"function_call": "auto"}, REFUSED, "function_call"),
        ({"logprobs": True}, REFUSED, "logprobs"),
        ({"logit_bias": {"1": 1}}, REFUSED, "logit_bias"),
        ({"modalities": ["text", "audio"]}, REFUSED, "modalities"),
        ({"web_search_options": {}}, REFUSED, "web_search_options"),
        ({"max_tokens": 0}, INVALID, "max_tokens"),
        ({"max_completion_tokens": 0}, INVALID, "max_completion_tokens"),
        ({"max_tokens": SECRET}, INVALID, "max_tokens"),
        ({"reasoning_effort": SECRET}, INVALID, "reasoning_effort"),
        ({"stop": ["\n"]}, REFUSED, "stop"),
        ({"tools": [{"type": "custom", "custom": {"name": "a"}}]}, REFUSED, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, INVALID, "tools[0].function"),
        ({"tools": [function("a.b")]}, REFUSED, "tools[0].function.name"),
        ({"tools": [function("a" * 65)]}, REFUSED, "tools[0].function.name"),
        ({"tools": [function()], "tool_choice": SECRET}, INVALID, "tool_choice"),
        ({"tools": [function()], "tool_choice": {"type": "custom"}}, REFUSED, "tool_choice.type"),
        (
            {"tools": [function()], "tool_choice": {"type": "function"}},
            INVALID,
            "tool_choice.function",
        ),
        (
            {
                "tools": [function()],
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {"mode": "auto", "tools": [function("other")]},
                },
            },
            INVALID,
            "tool_choice.allowed_tools.tools",
        ),
        ({"response_format": {"type": SECRET}}, INVALID, "response_format.type"),
        (
            {"response_format": {"type": "json_schema"}},
            INVALID,
            "response_format.json_schema.schema",
        ),
    ],
)
def test_fields_that_are_turned_away(more: Any, fault: Fault, param: str) -> None:
    error = refusal(**more)
    assert (error.fault, error.param) == (fault, param)
    assert param in error.message
    assert SECRET not in error.message


@pytest.mark.parametrize(
    ("said", "fault", "param"),
    [
        ([], INVALID, "messages"),
        ([{"role": "user", "content": " "}], INVALID, "messages"),
        ([{"role": SECRET, "content": "a"}], INVALID, "messages[0].role"),
        ([{"role": "function", "name": "a", "content": "a"}], REFUSED, "messages[0].role"),
        ([{"role": "user", "content": 1}], INVALID, "messages[0].content"),
        (
            [{"role": "user", "content": [{"type": "input_audio"}]}],
            REFUSED,
            "messages[0].content[0].type",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url"}]}],
            INVALID,
            "messages[0].content[0].image_url",
        ),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": SECRET}}]}],
            INVALID,
            "messages[0].content[0].image_url.url",
        ),
        (
            [{"role": "user", "content": [{"type": "file", "file": {"file_id": SECRET}}]}],
            REFUSED,
            "messages[0].content[0].file",
        ),
        ([{"role": "system", "content": [PNG_PART]}, HI], REFUSED, "messages[0].content[0].type"),
        ([HI, {"role": "assistant", "audio": {"id": "a"}}], REFUSED, "messages[1].audio"),
        (
            [HI, {"role": "assistant", "function_call": {"name": "a"}}],
            REFUSED,
            "messages[1].function_call",
        ),
        ([HI, calling(call(""))], INVALID, "messages[1].tool_calls[0].id"),
        ([HI, calling(call(name="a b"))], REFUSED, "messages[1].tool_calls[0].function.name"),
        (
            [HI, calling({"id": "c", "type": "custom"})],
            REFUSED,
            "messages[1].tool_calls[0].type",
        ),
        ([HI, {"role": "tool", "content": "a"}], INVALID, "messages[1].tool_call_id"),
    ],
)
def test_messages_that_are_turned_away(said: Any, fault: Fault, param: str) -> None:
    error = refusal(said)
    assert (error.fault, error.param) == (fault, param)
    assert SECRET not in error.message


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000]
)
def test_what_is_no_request_is_turned_away(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_MESSAGES.request(body)
    assert caught.value.fault is INVALID


def test_a_schema_nested_too_deeply_is_turned_away() -> None:
    schema = b'{"items":' * 800 + b"{}" + b"}" * 800
    form = b'{"type":"json_schema","json_schema":{"schema":%b}}' % schema
    said = b'[{"role":"user","content":"a"}]'
    body = b'{"model":"m","messages":%b,"response_format":%b}' % (said, form)
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_MESSAGES.request(body)
    assert caught.value.fault is INVALID
