"""What a Messages request becomes for a model that only chats, rule by rule."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import compact

PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
PNG_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}


def chat(messages: list[Any] | None = None, **more: Any) -> Any:
    said = [{"role": "user", "content": "Hi"}] if messages is None else messages
    body = {"model": "gpt-4.1", "max_tokens": 100, "messages": said, **more}
    return json.loads(MESSAGES_OVER_CHAT.request(compact(body)))


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def assistant(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def use(id_: str = "toolu_1", name: str = "look", **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": id_, "name": name, "input": given}


def result(content: Any, id_: str = "toolu_1", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": id_, "content": content, **more}


def refusal(messages: list[Any] | None = None, **more: Any) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        chat(messages, **more)
    return caught.value


def test_the_least_request() -> None:
    assert chat() == {
        "model": "gpt-4.1",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 100,
    }


# --- the system prompt ---


@pytest.mark.parametrize(
    ("system", "said"),
    [
        ("Be brief.", "Be brief."),
        ([text("One.", cache_control={"type": "ephemeral"}), text("Two.")], "One.\n\nTwo."),
        ("x-anthropic-billing-header: cc_version=2; cch=1;\nBe brief.", "Be brief."),
        ([text("x-anthropic-billing-header: cch=1;"), text("Be brief.")], "Be brief."),
        ("Mind x-anthropic-billing-header: it is one.", None),
    ],
)
def test_the_system_prompt_is_the_first_message(system: Any, said: str | None) -> None:
    assert chat(system=system)["messages"][0] == {"role": "system", "content": said or system}


@pytest.mark.parametrize("system", [None, "", [], "x-anthropic-billing-header: cch=1;"])
def test_no_system_prompt_is_no_message(system: Any) -> None:
    assert chat(system=system)["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_system_message_in_the_middle_stays_there() -> None:
    messages = [user(text("a")), {"role": "system", "content": "Now in German."}]
    assert chat(messages)["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "Now in German."},
    ]


# --- what the user says ---


@pytest.mark.parametrize(
    ("content", "become"),
    [
        ("Hi", "Hi"),
        ([text("Hi", cache_control={"type": "ephemeral"})], "Hi"),
        ([text("a"), text(""), text("b")], [text("a"), text("b")]),
        ([{"type": "image", "source": PNG}], [PNG_PART]),
        (
            [{"type": "image", "source": {"type": "url", "url": "https://e.org/a.png"}}],
            [{"type": "image_url", "image_url": {"url": "https://e.org/a.png"}}],
        ),
        (
            [{"type": "document", "title": "T", "source": {"type": "text", "data": "d"}}],
            [text("T"), text("d")],
        ),
        (
            [
                {
                    "type": "document",
                    "title": "a.pdf",
                    "context": "c",
                    "source": {"type": "base64", "media_type": "application/pdf", "data": "aGk="},
                }
            ],
            [
                text("c"),
                {
                    "type": "file",
                    "file": {
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,aGk=",
                    },
                },
            ],
        ),
        (
            [
                {
                    "type": "document",
                    "source": {
                        "type": "content",
                        "content": [text("a"), {"type": "image", "source": PNG}],
                    },
                }
            ],
            [text("a"), PNG_PART],
        ),
        (
            [{"type": "document", "source": {"type": "content", "content": "words"}}],
            "words",
        ),
        (
            [{"type": "search_result", "title": "T", "source": "s", "content": [text("c")]}],
            [text("T"), text("s"), text("c")],
        ),
    ],
)
def test_what_the_user_says_becomes_parts(content: Any, become: Any) -> None:
    assert chat([{"role": "user", "content": content}])["messages"][0]["content"] == become


def test_two_messages_of_the_user_stay_two() -> None:
    said = chat([user(text("a")), user(text("b"))])["messages"]
    assert [each["content"] for each in said] == ["a", "b"]


# --- what the assistant said ---


def test_the_assistants_texts_are_one_and_its_calls_stand_beside_them() -> None:
    messages = [
        user(text("a")),
        assistant(text("I "), text("look.")),
        assistant(use(where="here"), use("toolu_2", "listen")),
        user(result("seen"), result("heard", "toolu_2")),
    ]
    calls = [
        {
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"where":"here"}'},
        },
        {"id": "toolu_2", "type": "function", "function": {"name": "listen", "arguments": "{}"}},
    ]
    assert chat(messages)["messages"][1:] == [
        {"role": "assistant", "content": "I look.", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "seen"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "heard"},
    ]


def test_calls_alone_have_no_content() -> None:
    said = chat([user(text("a")), assistant(use()), user(result(""))])["messages"]
    assert said[1]["content"] is None


def test_what_anthropics_own_tools_did_is_left_out() -> None:
    own = [
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "q"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [{"type": "web_search_result", "url": "https://e.org", "title": "T"}],
        },
        {
            "type": "web_fetch_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": {"type": "web_fetch_result", "content": {"type": "document"}},
        },
        text("Found."),
    ]
    said = chat([user(text("a")), assistant(*own), user(text("b"))])["messages"]
    assert said[1] == {"role": "assistant", "content": "Found."}


def test_an_assistants_message_of_nothing_is_left_out() -> None:
    silent = assistant({"type": "redacted_thinking", "data": "sealed"})
    assert len(chat([user(text("a")), silent, user(text("b"))])["messages"]) == 2


def test_an_id_too_long_for_openai_is_shortened_in_call_and_result_alike() -> None:
    long = "toolu_" + "x" * 40
    said = chat([user(text("a")), assistant(use(long)), user(result("r", long))])["messages"]
    (call,) = said[1]["tool_calls"]
    assert call["id"] == said[2]["tool_call_id"]
    assert len(call["id"]) <= 40


# --- thinking ---


def test_thinking_that_chat_sealed_goes_back_as_it_came() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "chat:sealed"}
    said = chat([user(text("a")), assistant(thought, text("b")), user(text("c"))])["messages"]
    assert said[1] == {
        "role": "assistant",
        "content": "b",
        "reasoning_text": "Hm.",
        "reasoning_opaque": "sealed",
    }


def test_a_seal_that_came_behind_the_text_belongs_to_the_thinking_before() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": ""}
    sealed = {"type": "thinking", "thinking": "", "signature": "chat:sealed"}
    said = chat([user(text("a")), assistant(thought, text("b"), sealed), user(text("c"))])
    assert said["messages"][1]["reasoning_text"] == "Hm."
    assert said["messages"][1]["reasoning_opaque"] == "sealed"


@pytest.mark.parametrize("signature", ["", "EqQBCgIYAhIM"])
def test_thinking_of_others_is_left_out(signature: str) -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": signature}
    said = chat([user(text("a")), assistant(thought, text("b")), user(text("c"))])["messages"]
    assert said[1] == {"role": "assistant", "content": "b"}


@pytest.mark.parametrize(
    ("thinking", "config", "effort"),
    [
        (None, None, None),
        ({"type": "disabled"}, {"effort": "high"}, None),
        ({"type": "adaptive"}, None, None),
        ({"type": "adaptive"}, {"effort": "low"}, "low"),
        (None, {"effort": "xhigh"}, "xhigh"),
        ({"type": "enabled", "budget_tokens": 1024}, None, "low"),
        ({"type": "enabled", "budget_tokens": 4000}, None, "low"),
        ({"type": "enabled", "budget_tokens": 8192}, None, "medium"),
        ({"type": "enabled", "budget_tokens": 10_000}, None, "medium"),
        ({"type": "enabled", "budget_tokens": 16_000}, None, "high"),
        ({"type": "enabled", "budget_tokens": 31_999}, None, "high"),
        ({"type": "enabled", "budget_tokens": 31_999}, {"effort": "low"}, "low"),
    ],
)
def test_thinking_becomes_an_effort(thinking: Any, config: Any, effort: str | None) -> None:
    assert chat(thinking=thinking, output_config=config).get("reasoning_effort") == effort


# --- results of tools ---


def test_results_come_first_and_what_was_said_beside_them_last() -> None:
    messages = [
        user(text("a")),
        assistant(use(), use("toolu_2")),
        user(text("<system-reminder>x</system-reminder>"), result("r1")),
        user(result("r2", "toolu_2"), text("go on")),
    ]
    said = chat(messages)["messages"][2:]
    assert [(each["role"], each["content"]) for each in said] == [
        ("tool", "r1"),
        ("tool", "r2"),
        ("user", "<system-reminder>x</system-reminder>"),
        ("user", "go on"),
    ]


@pytest.mark.parametrize(
    ("content", "is_error", "become"),
    [
        ("done", None, "done"),
        (None, None, ""),
        ([text("a"), text("b")], False, "a\nb"),
        ("no such file", True, "Error: no such file"),
        ("Error: no such file", True, "Error: no such file"),
        ("", True, "Error: "),
        ([{"type": "tool_reference", "tool_name": "look"}], None, "[tool: look]"),
    ],
)
def test_a_result_is_text(content: Any, is_error: Any, become: str) -> None:
    messages = [user(text("a")), assistant(use()), user(result(content, is_error=is_error))]
    assert chat(messages)["messages"][2]["content"] == become


def test_pictures_in_results_are_shown_behind_all_results() -> None:
    picture = {"type": "image", "source": PNG}
    messages = [
        user(text("a")),
        assistant(use(), use("toolu_2")),
        user(result([text("seen"), picture]), result("heard", "toolu_2"), text("What is it?")),
    ]
    assert chat(messages)["messages"][2:] == [
        {"role": "tool", "tool_call_id": "toolu_1", "content": "seen"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": "heard"},
        {"role": "user", "content": [text("What the tool returned for toolu_1:"), PNG_PART]},
        {"role": "user", "content": "What is it?"},
    ]


# --- tools ---

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
LOOK = {"name": "look", "description": "Looks.", "input_schema": SCHEMA}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def test_tools_become_functions() -> None:
    marked = {**LOOK, "type": "custom", "cache_control": {"type": "ephemeral"}}
    assert chat(tools=[marked])["tools"] == [
        {
            "type": "function",
            "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA},
        }
    ]


def test_a_tool_that_takes_nothing_says_so() -> None:
    function = chat(tools=[{"name": "look", "input_schema": {}}])["tools"][0]["function"]
    assert function == {"name": "look", "parameters": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(("closed", "strict"), [(False, True), (True, None)])
def test_a_strict_tool_is_strict_where_openai_takes_its_schema(closed: bool, strict: Any) -> None:
    schema = {**SCHEMA, "additionalProperties": closed}
    tool = {**LOOK, "input_schema": schema, "strict": True}
    assert chat(tools=[tool])["tools"][0]["function"].get("strict") is strict


@pytest.mark.parametrize(
    ("choice", "become"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
            {
                "tool_choice": {"type": "function", "function": {"name": "look"}},
                "parallel_tool_calls": False,
            },
        ),
    ],
)
def test_the_choice_of_tools(choice: Any, become: dict[str, Any]) -> None:
    body = chat(tools=[LOOK], tool_choice=choice)
    found = {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body}
    assert found == become


def test_tools_that_anthropic_runs_are_left_out() -> None:
    assert [each["function"]["name"] for each in chat(tools=[SEARCH, LOOK])["tools"]] == ["look"]


def test_without_tools_there_is_no_choice() -> None:
    body = chat(tools=[SEARCH], tool_choice={"type": "auto"})
    assert "tools" not in body
    assert "tool_choice" not in body


# --- the rest ---


@pytest.mark.parametrize("place", ["output_config", "output_format"])
@pytest.mark.parametrize(
    ("required", "strict"), [(["a"], True), ([], None)], ids=["complete", "incomplete"]
)
def test_a_form_of_the_answer(place: str, required: list[str], strict: Any) -> None:
    schema = {**SCHEMA, "required": required, "additionalProperties": False}
    wanted = {"type": "json_schema", "schema": schema}
    said: Any = {"format": wanted} if place == "output_config" else wanted
    body = chat(**{place: said})
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == schema
    assert form["json_schema"].get("strict") is strict


def test_what_is_said_the_same_way() -> None:
    body = chat(temperature=0.5, top_p=0.9, stop_sequences=["END"], metadata={"user_id": "u"})
    assert (body["temperature"], body["top_p"], body["stop"]) == (0.5, 0.9, ["END"])
    assert body["user"] == "u"


def test_a_users_name_too_long_for_openai_is_left_out() -> None:
    assert "user" not in chat(metadata={"user_id": "u" * 65})


def test_a_stream_says_what_it_used() -> None:
    body = chat(stream=True)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}


def test_what_chat_has_no_place_for_is_left_out() -> None:
    more: dict[str, Any] = {
        "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
        "service_tier": "auto",
        "top_k": 5,
        "container": "c",
        "inference_geo": "eu",
        "speed": "fast",
        "cache_control": {"type": "ephemeral"},
        "anything": {"new": [1]},
    }
    assert chat(**more) == chat()


# --- what is turned away ---

REFUSED = Fault.CALLER_REQUEST_REFUSED
INVALID = Fault.CALLER_BODY_INVALID
SECRET = "do not quote me"


@pytest.mark.parametrize(
    ("more", "fault", "param"),
    [
        ({"max_tokens": 0}, REFUSED, "max_tokens"),
        ({"max_tokens": SECRET}, INVALID, "max_tokens"),
        ({"stop_sequences": list("abcde")}, REFUSED, "stop_sequences"),
        ({"mcp_servers": [{"url": SECRET}]}, REFUSED, "mcp_servers"),
        ({"system": [{"type": "image", "source": PNG}]}, REFUSED, "system[0].type"),
        ({"tools": [{"name": "bash", "type": "bash_20250124"}]}, REFUSED, "tools[0].type"),
        ({"tools": [{**LOOK, "name": "a.b"}]}, REFUSED, "tools[0].name"),
        ({"tools": [{**LOOK, "name": "a" * 65}]}, REFUSED, "tools[0].name"),
        ({"tools": [{"name": "look"}]}, INVALID, "tools[0].input_schema"),
        ({"tools": [{"name": "look", "input_schema": SECRET}]}, INVALID, "tools[0].input_schema"),
        (
            {"tools": [SEARCH], "tool_choice": {"type": "tool", "name": "web_search"}},
            REFUSED,
            "tool_choice.name",
        ),
        ({"tools": [LOOK], "tool_choice": {"type": SECRET}}, INVALID, "tool_choice.type"),
        ({"output_format": {"type": SECRET}}, REFUSED, "output_format.type"),
        (
            {"output_config": {"format": {"type": "json_schema"}}},
            INVALID,
            "output_config.format.schema",
        ),
        ({"thinking": {"budget_tokens": 1}}, INVALID, "thinking.type"),
        ({"output_config": {"effort": SECRET}}, INVALID, "output_config.effort"),
    ],
)
def test_fields_that_are_turned_away(more: Any, fault: Fault, param: str) -> None:
    error = refusal(**more)
    assert (error.fault, error.param) == (fault, param)
    assert param in error.message
    assert SECRET not in error.message


@pytest.mark.parametrize(
    ("messages", "fault", "param"),
    [
        ([], INVALID, "messages"),
        ([{"role": SECRET, "content": "a"}], INVALID, "messages[0].role"),
        ([{"role": "user"}], INVALID, "messages[0].content"),
        ([{"role": "user", "content": 1}], INVALID, "messages[0].content"),
        ([user({"text": "a"})], INVALID, "messages[0].content[0].type"),
        ([user(text(1))], INVALID, "messages[0].content[0].text"),  # type: ignore[arg-type]
        ([user({"type": SECRET})], REFUSED, "messages[0].content[0].type"),
        ([user({"type": "container_upload"})], REFUSED, "messages[0].content[0].type"),
        ([user({"type": "image"})], INVALID, "messages[0].content[0].source"),
        (
            [user({"type": "image", "source": {"type": "file", "file_id": SECRET}})],
            INVALID,
            "messages[0].content[0].source",
        ),
        (
            [user({"type": "document", "source": {"type": "url", "url": SECRET}})],
            REFUSED,
            "messages[0].content[0].source",
        ),
        ([user(text("a")), assistant(text(SECRET))], REFUSED, "messages[1]"),
        ([user(text("a")), assistant(use("")), user()], INVALID, "messages[1].content[0].id"),
        (
            [user(text("a")), assistant(use(name="a b")), user()],
            REFUSED,
            "messages[1].content[0].name",
        ),
        (
            [user(text("a")), assistant({**use(), "input": [SECRET]}), user()],
            INVALID,
            "messages[1].content[0].input",
        ),
        ([user(result("a", ""))], INVALID, "messages[0].content[0].tool_use_id"),
        ([user(result({"a": SECRET}))], INVALID, "messages[0].content[0].content"),
        (
            [user(result([{"type": SECRET}]))],
            REFUSED,
            "messages[0].content[0].content[0].type",
        ),
    ],
)
def test_messages_that_are_turned_away(messages: Any, fault: Fault, param: str) -> None:
    error = refusal(messages)
    assert (error.fault, error.param) == (fault, param)
    assert SECRET not in error.message


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000]
)
def test_what_is_no_request_is_turned_away(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_CHAT.request(body)
    assert caught.value.fault is INVALID


def test_a_schema_nested_too_deeply_is_turned_away() -> None:
    schema = b'{"items":' * 800 + b"{}" + b"}" * 800
    tool = b'{"name":"look","strict":true,"input_schema":%b}' % schema
    body = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}],"tools":[%b]}'
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_CHAT.request(body % tool)
    assert caught.value.fault is INVALID
