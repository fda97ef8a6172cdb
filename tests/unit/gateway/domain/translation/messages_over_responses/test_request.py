"""A Messages request becomes the Responses request that asks the same."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_responses.translation import MESSAGES_OVER_RESPONSES
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.translation.messages_and_responses import (
    damaged,
    encoded,
    image_block,
    messages_requests,
    of_messages,
    of_responses,
    text_block,
)

Body = dict[str, Any]

MINIMAL = {"model": "gpt-5.3-codex", "max_tokens": 1000}
HELLO = {"role": "user", "content": "hello"}
TOOL = {"name": "search", "description": "Looks.", "input_schema": {"type": "object"}}


def translated(**fields: Any) -> Body:
    body = {**MINIMAL, "messages": [HELLO], **fields}
    made: Body = json.loads(MESSAGES_OVER_RESPONSES.request(encoded(body)))
    return made


def items(*messages: Any) -> list[Any]:
    made: list[Any] = translated(messages=list(messages))["input"]
    return made


def refusal(raw: bytes | None = None, **fields: Any) -> GatewayError:
    body = encoded({**MINIMAL, "messages": [HELLO], **fields}) if raw is None else raw
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_RESPONSES.request(body)
    return caught.value


def user(*blocks: Any) -> Body:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> Body:
    return {"role": "assistant", "content": list(blocks)}


def said(role: str, *parts: Any) -> Body:
    return {"type": "message", "role": role, "content": list(parts)}


def words(text: str) -> Body:
    return {"type": "input_text", "text": text}


def told(text: str) -> Body:
    return {"type": "output_text", "text": text}


USE = {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"q": 1}}
CALL = {"type": "function_call", "call_id": "toolu_1", "name": "search", "arguments": '{"q":1}'}


def result(content: Any = None, **more: Any) -> Body:
    given = {} if content is None else {"content": content}
    return {"type": "tool_result", "tool_use_id": "toolu_1", **given, **more}


def output(value: Any) -> Body:
    return {"type": "function_call_output", "call_id": "toolu_1", "output": value}


# --- the whole ---


def test_a_plain_question() -> None:
    assert translated() == {
        "model": "gpt-5.3-codex",
        "input": [said("user", words("hello"))],
        "store": False,
        "max_output_tokens": 1000,
    }


@settings(max_examples=50)
@given(messages_requests())
def test_everything_that_was_said_is_there_and_comes_back(body: Body) -> None:
    there = MESSAGES_OVER_RESPONSES.request(encoded(body))
    assert of_responses(json.loads(there)) == of_messages(body)
    back = RESPONSES_OVER_MESSAGES.request(there)
    assert of_messages(json.loads(back)) == of_messages(body)


# --- messages ---


@pytest.mark.parametrize(
    ("system", "instructions"),
    [
        ("Be brief.", "Be brief."),
        ([text_block("Be"), text_block(""), text_block("brief.")], "Be\n\nbrief."),
        ([text_block("x-anthropic-billing-header: cch=1;"), text_block("Be.")], "Be."),
        ("x-anthropic-billing-header: cch=1;\nBe.", "Be."),
    ],
)
def test_the_system_prompt_is_the_instructions(system: Any, instructions: str) -> None:
    assert translated(system=system)["instructions"] == instructions


def test_an_empty_system_prompt_is_none() -> None:
    assert "instructions" not in translated(system=[])


def test_a_system_message_is_a_developers_where_it_stands() -> None:
    assert items(HELLO, {"role": "system", "content": "Now in French."}, HELLO)[1] == said(
        "developer", words("Now in French.")
    )


def test_two_messages_of_a_user_stay_two() -> None:
    assert items(HELLO, HELLO) == [said("user", words("hello"))] * 2


def test_empty_texts_and_messages_are_left_out() -> None:
    assert items(user(text_block("")), user(text_block(""), text_block("a"))) == [
        said("user", words("a"))
    ]


def test_what_is_said_around_calls_stays_in_order() -> None:
    found = items(
        HELLO,
        assistant(text_block("I look."), text_block("Now."), USE, text_block("Done.")),
        user(result("sunny"), text_block("and?")),
    )
    assert found[1:] == [
        said("assistant", told("I look."), told("Now.")),
        CALL,
        said("assistant", told("Done.")),
        output("sunny"),
        said("user", words("and?")),
    ]


PDF = {"type": "base64", "media_type": "application/pdf", "data": "UERG"}


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        (
            image_block("QUJD"),
            [
                {
                    "type": "input_image",
                    "image_url": "data:image/png;base64,QUJD",
                    "detail": "auto",
                }
            ],
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
            [{"type": "input_image", "image_url": "https://a/b.png", "detail": "auto"}],
        ),
        (
            {"type": "document", "title": "T", "source": {"type": "text", "data": "words"}},
            [words("T"), words("words")],
        ),
        (
            {
                "type": "document",
                "source": {"type": "content", "content": [text_block("a"), text_block("b")]},
            },
            [words("a"), words("b")],
        ),
        (
            {"type": "document", "title": "a.pdf", "source": PDF},
            [
                {
                    "type": "input_file",
                    "filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,UERG",
                }
            ],
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
            [{"type": "input_file", "file_url": "https://a/b.pdf"}],
        ),
        (
            {
                "type": "search_result",
                "title": "T",
                "source": "https://a",
                "content": [text_block("found")],
            },
            [words("T"), words("https://a"), words("found")],
        ),
        ({"type": "tool_reference", "tool_name": "search"}, [words("[tool: search]")]),
    ],
)
def test_blocks_become_parts(block: Body, parts: list[Body]) -> None:
    assert items(user(block)) == [said("user", *parts)]
    assert items(HELLO, assistant(USE), user(result([block, block])))[-1] == output(
        [*parts, *parts]
    )


@pytest.mark.parametrize(
    ("block", "made"),
    [
        (result(), ""),
        (result(""), ""),
        (result("sunny"), "sunny"),
        (result([text_block("sunny")]), "sunny"),
        (result([text_block("a"), text_block("b")]), [words("a"), words("b")]),
        (result("404", is_error=True), "Error: 404"),
        (result("Error: 404", is_error=True), "Error: 404"),
        (result(is_error=True), "Error: "),
        (result("404", is_error=False), "404"),
    ],
)
def test_results_of_tools(block: Body, made: Any) -> None:
    assert items(HELLO, assistant(USE), user(block))[-1] == output(made)


def test_the_failure_of_a_tool_that_shows_an_image_says_so_first() -> None:
    found = items(HELLO, assistant(USE), user(result([image_block("QQ")], is_error=True)))
    assert [part["type"] for part in found[-1]["output"]] == ["input_text", "input_image"]


def test_an_id_that_is_too_long_is_the_same_in_the_call_and_in_its_result() -> None:
    long = "toolu_" + "x" * 80
    found = items(
        HELLO,
        assistant({**USE, "id": long}),
        user({"type": "tool_result", "tool_use_id": long, "content": "a"}),
    )
    assert found[1]["call_id"] == found[2]["call_id"]
    assert len(found[1]["call_id"]) <= 64


def test_steps_of_anthropics_own_tools_are_left_out() -> None:
    found = items(
        HELLO,
        assistant(
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            text_block("Found."),
        ),
        HELLO,
    )
    assert found[1] == said("assistant", told("Found."))


# --- thinking in the history ---


SEALED = {"type": "thinking", "thinking": "Hm.", "signature": "responses:gAAA="}
REASONED = {
    "type": "reasoning",
    "summary": [{"type": "summary_text", "text": "Hm."}],
    "encrypted_content": "gAAA=",
}


def test_reasoning_that_was_carried_goes_back_without_an_id() -> None:
    found = items(HELLO, assistant(SEALED, USE), user(result("a")))
    assert found[1:3] == [REASONED, CALL]


def test_reasoning_without_a_summary_goes_back() -> None:
    hidden = {"type": "redacted_thinking", "data": "responses:gAAA="}
    found = items(HELLO, assistant(hidden, text_block("a")), HELLO)
    assert found[1] == {**REASONED, "summary": []}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "Hm.", "signature": "ErUBCkYI="},
        {"type": "thinking", "thinking": "Hm.", "signature": "chat:opaque"},
        {"type": "thinking", "thinking": "Hm.", "signature": ""},
        {"type": "thinking", "thinking": "Hm."},
        {"type": "redacted_thinking", "data": "ErUBCkYI="},
    ],
)
def test_what_another_model_thought_is_left_out(block: Body) -> None:
    assert items(HELLO, assistant(block, USE), user(result("a")))[1] == CALL


def test_reasoning_that_nothing_came_of_is_left_out() -> None:
    """Upstream refuses it; an answer that was interrupted ends so."""
    assert items(HELLO, assistant(SEALED), HELLO) == [said("user", words("hello"))] * 2


# --- tools ---


def test_a_tool_is_a_function_that_is_not_made_stricter() -> None:
    assert translated(tools=[TOOL])["tools"] == [
        {
            "type": "function",
            "name": "search",
            "description": "Looks.",
            "parameters": {"type": "object", "properties": {}},
            "strict": False,
        }
    ]


CLOSED = {
    "type": "object",
    "properties": {"q": {"type": "string"}},
    "required": ["q"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("tool", "strict"),
    [
        ({"name": "a", "input_schema": CLOSED, "strict": True}, True),
        ({"name": "a", "input_schema": CLOSED, "strict": False}, False),
        ({"name": "a", "input_schema": CLOSED}, False),
        ({"name": "a", "input_schema": {**CLOSED, "required": []}, "strict": True}, False),
    ],
)
def test_a_tool_is_strict_where_that_is_wanted_and_possible(tool: Body, strict: bool) -> None:
    assert translated(tools=[tool])["tools"][0]["strict"] is strict


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "search"},
            {"tool_choice": {"type": "function", "name": "search"}},
        ),
        (
            {"type": "auto", "disable_parallel_tool_use": True},
            {"tool_choice": "auto", "parallel_tool_calls": False},
        ),
        ({"type": "any", "disable_parallel_tool_use": False}, {"tool_choice": "required"}),
        (None, {}),
    ],
)
def test_the_choice_of_a_tool(choice: Any, made: Body) -> None:
    found = translated(tools=[TOOL], tool_choice=choice)
    names = ("tool_choice", "parallel_tool_calls")
    assert {name: found[name] for name in names if name in found} == made


def test_nothing_is_said_of_a_choice_without_tools() -> None:
    assert "tool_choice" not in translated(tool_choice={"type": "auto"})


def test_a_tool_that_anthropic_runs_is_left_out_beside_others() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    assert [tool["name"] for tool in translated(tools=[search, TOOL])["tools"]] == ["search"]


# --- how much to think ---


@pytest.mark.parametrize(
    ("fields", "reasoning", "include"),
    [
        ({}, None, None),
        ({"thinking": {"type": "disabled"}}, {"effort": "low"}, None),
        ({"thinking": {"type": "adaptive"}}, {"summary": "auto"}, True),
        ({"thinking": {"type": "between_tools"}}, {"summary": "auto"}, True),
        ({"thinking": {"type": "adaptive", "display": "omitted"}}, None, True),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 4000}},
            {"effort": "low", "summary": "auto"},
            True,
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 10_000}},
            {"effort": "medium", "summary": "auto"},
            True,
        ),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 31_999}},
            {"effort": "high", "summary": "auto"},
            True,
        ),
        (
            {
                "thinking": {"type": "enabled", "budget_tokens": 31_999},
                "output_config": {"effort": "low"},
            },
            {"effort": "low", "summary": "auto"},
            True,
        ),
        ({"output_config": {"effort": "xhigh"}}, {"effort": "xhigh"}, None),
        (
            {"thinking": {"type": "disabled"}, "output_config": {"effort": "max"}},
            {"effort": "low"},
            None,
        ),
    ],
)
def test_thinking_is_an_effort(fields: Body, reasoning: Any, include: Any) -> None:
    found = translated(**fields)
    assert found.get("reasoning") == reasoning
    assert found.get("include") == (["reasoning.encrypted_content"] if include else None)


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"temperature": 0.5, "top_p": 0.9}, {"temperature": 0.5, "top_p": 0.9}),
        ({"temperature": 1, "top_p": 1.0}, {}),
        ({"temperature": 0.5, "thinking": {"type": "adaptive"}}, {}),
    ],
)
def test_sampling_is_for_models_that_do_not_think(fields: Body, made: Body) -> None:
    found = translated(**fields)
    assert {name: found[name] for name in ("temperature", "top_p") if name in found} == made


# --- the rest ---


@pytest.mark.parametrize(("asked", "made"), [(1, 16), (16, 16), (64_000, 64_000)])
def test_the_limit_is_never_lower_than_upstreams(asked: int, made: int) -> None:
    assert translated(max_tokens=asked)["max_output_tokens"] == made


def test_a_users_id_is_the_cache_key() -> None:
    assert translated(metadata={"user_id": "ann"})["prompt_cache_key"] == "ann"
    long = translated(metadata={"user_id": "x" * 200})["prompt_cache_key"]
    assert (len(long), "x" in long) == (64, False)


@pytest.mark.parametrize("name", ["output_config", "output_format"])
def test_the_form_of_the_answer(name: str) -> None:
    form = {"type": "json_schema", "schema": CLOSED}
    found = translated(**{name: {"format": form} if name == "output_config" else form})
    wanted = {"type": "json_schema", "name": "answer", "schema": CLOSED, "strict": True}
    assert found["text"] == {"format": wanted}


def test_a_form_that_upstream_cannot_keep_to_strictly_is_not_called_strict() -> None:
    form = {"type": "json_schema", "schema": {**CLOSED, "required": []}}
    assert translated(output_config={"format": form})["text"]["format"]["strict"] is False


def test_a_stream_is_one() -> None:
    assert translated(stream=True)["stream"] is True


def test_fields_without_a_meaning_upstream_are_dropped() -> None:
    """What Claude Code sends besides."""
    found = translated(
        top_k=5,
        context_management={"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        service_tier="auto",
        speed="fast",
        cache_control={"type": "ephemeral"},
        anything="else",
    )
    assert found == translated()


# --- what is turned away ---


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stop_sequences": ["\n"]}, "stop_sequences"),
        ({"mcp_servers": [{"url": "https://a"}]}, "mcp_servers"),
        ({"container": "c"}, "container"),
        ({"messages": [HELLO, {"role": "assistant", "content": "The"}]}, "messages[1]"),
        ({"messages": [user({"type": "container_upload"})]}, "messages[0].content[0].type"),
        ({"messages": [HELLO, assistant({"type": "new"}), HELLO]}, "messages[1].content[0].type"),
        (
            {"messages": [user({"type": "document", "source": {"type": "file"}})]},
            "messages[0].content[0].source",
        ),
        ({"tools": [{**TOOL, "name": "a b"}]}, "tools[0].name"),
        ({"tools": [{**TOOL, "name": "a" * 65}]}, "tools[0].name"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0].type"),
        ({"tools": [TOOL], "tool_choice": {"type": "tool", "name": "x"}}, "tool_choice.name"),
        (
            {"messages": [HELLO, assistant({**USE, "name": "a.b"}), user(result())]},
            "messages[1].content[0].name",
        ),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(fields: Body, param: str) -> None:
    error = refusal(**fields)
    assert (error.fault, error.param) == (Fault.CALLER_REQUEST_REFUSED, param)
    assert param in error.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"messages": []}, "messages"),
        ({"messages": None}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["hi"]}, "messages[0]"),
        ({"messages": [user()]}, "messages"),
        ({"messages": [{"content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [user({"text": "hi"})]}, "messages[0].content[0].type"),
        ({"messages": [user({"type": "text", "text": 5})]}, "messages[0].content[0].text"),
        ({"messages": [user({"type": "image"})]}, "messages[0].content[0].source"),
        (
            {"messages": [HELLO, assistant({**USE, "input": [1]}), user(result())]},
            "messages[1].content[0].input",
        ),
        (
            {"messages": [HELLO, assistant({**USE, "id": None}), user(result())]},
            "messages[1].content[0].id",
        ),
        ({"system": 5}, "system"),
        ({"stream": "yes"}, "stream"),
        ({"temperature": "hot"}, "temperature"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"metadata": []}, "metadata"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"name": "a"}]}, "tools[0].input_schema"),
        ({"tools": [{"name": "a", "input_schema": "{}"}]}, "tools[0].input_schema"),
        ({"tools": [TOOL], "tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [TOOL], "tool_choice": "auto"}, "tool_choice"),
        ({"thinking": {"type": "deep"}}, "thinking.type"),
        ({"thinking": {"budget_tokens": 5}}, "thinking.type"),
        ({"thinking": {"type": "enabled", "budget_tokens": "x"}}, "thinking.budget_tokens"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(fields: Body, param: str) -> None:
    error = refusal(**fields)
    assert (error.fault, error.param) == (Fault.CALLER_BODY_INVALID, param)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b'"secret"', b"\xff", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_what_is_no_request_is_invalid(raw: bytes) -> None:
    error = refusal(raw)
    assert error.fault is Fault.CALLER_BODY_INVALID
    assert "secret" not in error.message


FULL = {
    "system": [text_block("Be."), text_block("Brief.")],
    "messages": [
        user(text_block("a"), image_block("QQ"), {"type": "document", "source": PDF}),
        assistant(SEALED, text_block("b"), USE),
        user(result([text_block("c"), image_block("QQ")], is_error=True)),
        {"role": "system", "content": "Now."},
    ],
    "tools": [{**TOOL, "strict": True}],
    "tool_choice": {"type": "tool", "name": "search", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": CLOSED}},
    "metadata": {"user_id": "ann"},
    "temperature": 0.5,
    "stream": True,
}


@settings(max_examples=50)
@given(st.data())
def test_nothing_that_is_wrong_ends_in_anything_but_a_refusal(data: st.DataObject) -> None:
    body = data.draw(damaged(json.loads(encoded({**MINIMAL, **FULL}))))
    with suppress(GatewayError):
        MESSAGES_OVER_RESPONSES.request(encoded(body))
