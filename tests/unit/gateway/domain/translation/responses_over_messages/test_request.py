"""A Responses request becomes the Messages request that asks the same."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_responses.translation import MESSAGES_OVER_RESPONSES
from gateway.domain.translation.responses_over_messages import sealed
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.translation.messages_and_responses import (
    damaged,
    encoded,
    input_image,
    input_text,
    message_item,
    of_messages,
    of_responses,
    responses_requests,
    text_block,
)

Body = dict[str, Any]

MARK = {"cache_control": {"type": "ephemeral"}}
FUNCTION = {"type": "function", "name": "search", "description": "Looks.", "strict": True}


def translated(**fields: Any) -> Body:
    body = {"model": "claude-sonnet-4.5", "input": "hello", **fields}
    made: Body = json.loads(RESPONSES_OVER_MESSAGES.request(encoded(body)))
    return made


def messages(*items: Any) -> list[Body]:
    """The turns, without their marks for the cache."""
    made: list[Body] = translated(input=list(items))["messages"]
    for block in (block for turn in made for block in turn["content"]):
        block.pop("cache_control", None)
    return made


def refusal(raw: bytes | None = None, **fields: Any) -> GatewayError:
    body = encoded({"model": "m", "input": "hello", **fields}) if raw is None else raw
    with pytest.raises(GatewayError) as caught:
        RESPONSES_OVER_MESSAGES.request(body)
    return caught.value


def user(text: str) -> Body:
    return message_item("user", input_text(text))


def assistant(text: str) -> Body:
    return message_item("assistant", {"type": "output_text", "text": text})


def developer(text: str) -> Body:
    return message_item("developer", input_text(text))


def call(number: int, arguments: str = "{}", **more: Any) -> Body:
    named = {"type": "function_call", "call_id": f"call_{number}", "name": "search"}
    return {**named, "arguments": arguments, **more}


def output(number: int, value: Any = "sunny") -> Body:
    return {"type": "function_call_output", "call_id": f"call_{number}", "output": value}


def use(number: int, called_with: Any = None, name: str = "search") -> Body:
    return {"type": "tool_use", "id": f"call_{number}", "name": name, "input": called_with or {}}


def result(number: int, *content: Any) -> Body:
    given = content[0] if content else "sunny"
    return {"type": "tool_result", "tool_use_id": f"call_{number}", "content": given}


def turn(role: str, *blocks: Any) -> Body:
    return {"role": role, "content": list(blocks)}


# --- the whole ---


def test_a_plain_question() -> None:
    assert translated() == {
        "model": "claude-sonnet-4.5",
        "max_tokens": 16_000,
        "messages": [turn("user", text_block("hello"))],
    }


def ordered(atoms: list[Any]) -> list[Any]:
    """Apart from where results stand: Anthropic wants them right behind their calls."""
    return [atom for atom in atoms if atom[0] != "result"]


def results(atoms: list[Any]) -> dict[str, Any]:
    return {atom[1]: atom[2] for atom in atoms if atom[0] == "result"}


def as_messages_say(atoms: list[Any]) -> list[Any]:
    """What a developer says is the system's before anybody else spoke, and a reminder later."""
    begun = False
    said: list[Any] = []
    for atom in atoms:
        if not begun and atom[0] not in ("system", "developer"):
            begun = True
            said += [] if atom[0] == "user" else [("user", "(The assistant speaks first.)")]
        if atom[0] == "developer":
            said.append(("user", reminder(atom[1])) if begun else ("system", atom[1]))
        else:
            said.append(atom)
    return said


def reminder(text: str) -> str:
    return f"<system-reminder>\n{text}\n</system-reminder>"


@settings(max_examples=50)
@given(responses_requests())
def test_everything_that_was_said_is_there_and_comes_back(body: Body) -> None:
    said = as_messages_say(of_responses(body))
    there = RESPONSES_OVER_MESSAGES.request(encoded(body))
    atoms = of_messages(json.loads(there))
    assert ordered(atoms) == ordered(said)
    assert results(atoms) == results(said)
    back = of_responses(json.loads(MESSAGES_OVER_RESPONSES.request(there)))
    assert [atom for atom in back if atom[0] != "system"] == [
        atom for atom in atoms if atom[0] != "system"
    ]


@settings(max_examples=50)
@given(responses_requests())
def test_turns_alternate_and_every_call_is_answered_in_the_next_one(body: Body) -> None:
    """What Anthropic refuses otherwise."""
    made = json.loads(RESPONSES_OVER_MESSAGES.request(encoded(body)))["messages"]
    assert [each["role"] for each in made[-1::-2]] == ["user"] * len(made[-1::-2])
    assert [each["role"] for each in made[-2::-2]] == ["assistant"] * len(made[-2::-2])
    for index, each in enumerate(made):
        uses = {block["id"] for block in each["content"] if block["type"] == "tool_use"}
        after = made[index + 1]["content"] if uses else []
        kinds = [block["type"] for block in after]
        assert kinds[: len(uses)] == ["tool_result"] * len(uses)
        assert {block["tool_use_id"] for block in after[: len(uses)]} == uses
        assert "tool_result" not in kinds[len(uses) :]


# --- the input ---


def test_instructions_and_what_a_developer_says_first_are_the_system_prompt() -> None:
    found = translated(
        instructions="Be brief.",
        input=[developer("No jokes."), {"role": "system", "content": "Ever."}, user("hello")],
    )
    assert found["system"] == [
        text_block("Be brief."),
        text_block("No jokes."),
        text_block("Ever."),
    ]
    assert found["messages"] == [turn("user", text_block("hello"))]


def test_what_a_developer_says_later_is_a_reminder_where_it_stands() -> None:
    assert messages(user("a"), assistant("b"), developer("In {French}."), user("c"))[2:] == [
        turn("user", text_block(reminder("In {French}.")), text_block("c"))
    ]


def test_a_conversation_that_the_assistant_begins_has_a_user_before() -> None:
    assert messages(assistant("Hello!"), user("a")) == [
        turn("user", text_block("(The assistant speaks first.)")),
        turn("assistant", text_block("Hello!")),
        turn("user", text_block("a")),
    ]


def test_texts_of_nothing_but_blanks_are_left_out() -> None:
    found = messages(user(" \n"), user("a"), assistant(" "), developer("\t"), user(" b "))
    assert found == [turn("user", text_block("a"), text_block(" b "))]


def test_where_only_a_developer_speaks_that_is_what_is_asked() -> None:
    found = translated(instructions="Be.", input=[developer("Name a colour.")])
    assert found["system"] == [text_block("Be.")]
    assert found["messages"] == [turn("user", text_block("Name a colour."))]


def test_a_message_may_leave_its_type_out_and_be_a_string() -> None:
    assert messages({"role": "user", "content": "hello"}) == [turn("user", text_block("hello"))]


def test_items_of_one_role_are_one_turn() -> None:
    found = messages(user("a"), user("b"), assistant("c"), call(1), output(1), user("d"))
    assert found == [
        turn("user", text_block("a"), text_block("b")),
        turn("assistant", text_block("c"), use(1)),
        turn("user", result(1), text_block("d")),
    ]


def test_parallel_calls_are_answered_together() -> None:
    assert messages(user("a"), call(1), call(2), output(2), output(1))[1:] == [
        turn("assistant", use(1), use(2)),
        turn("user", result(2), result(1)),
    ]


def test_calls_one_after_the_other_are_turns_of_their_own() -> None:
    assert messages(user("a"), call(1), output(1), call(2), output(2))[1:] == [
        turn("assistant", use(1)),
        turn("user", result(1)),
        turn("assistant", use(2)),
        turn("user", result(2)),
    ]


def test_a_result_that_comes_late_stands_behind_its_call() -> None:
    assert messages(user("a"), call(1), user("b"), assistant("c"), output(1), user("d")) == [
        turn("user", text_block("a")),
        turn("assistant", use(1)),
        turn("user", result(1), text_block("b")),
        turn("assistant", text_block("c")),
        turn("user", text_block("d")),
    ]


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUJD"}}
PDF = "data:application/pdf;base64,UERG"


@pytest.mark.parametrize(
    ("part", "block"),
    [
        ({"type": "text", "text": "a"}, text_block("a")),
        (input_image("QUJD"), IMAGE),
        (
            {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
            {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
        ),
        (
            {"type": "input_file", "filename": "a.pdf", "file_data": PDF},
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "UERG"},
                "title": "a.pdf",
            },
        ),
        (
            {"type": "input_file", "file_url": "https://a/b.pdf"},
            {"type": "document", "source": {"type": "url", "url": "https://a/b.pdf"}},
        ),
    ],
)
def test_parts_become_blocks(part: Body, block: Body) -> None:
    assert messages(message_item("user", part)) == [turn("user", block)]
    assert messages(user("a"), call(1), output(1, [part, part]))[2] == turn(
        "user", result(1, [block, block])
    )


def test_a_refusal_was_said() -> None:
    refused = message_item("assistant", {"type": "refusal", "refusal": "No."})
    assert messages(user("a"), refused, user("b"))[1] == turn("assistant", text_block("No."))


@pytest.mark.parametrize("empty", ["", " ", None, [], [input_text("")]])
def test_an_empty_result_has_no_content(empty: Any) -> None:
    found = messages(user("a"), call(1), output(1, empty))[2]["content"]
    assert found == [{"type": "tool_result", "tool_use_id": "call_1"}]


@pytest.mark.parametrize(
    ("arguments", "called_with"),
    [
        ('{"q": [1]}', {"q": [1]}),
        ("", {}),
        ('{"q": "wea', {"arguments": '{"q": "wea'}),
        ("[1]", {"arguments": "[1]"}),
    ],
)
def test_arguments_are_an_object(arguments: str, called_with: Any) -> None:
    assert messages(user("a"), call(1, arguments), output(1))[1] == turn(
        "assistant", use(1, called_with)
    )


def test_an_id_that_anthropic_does_not_take_is_another_one_in_call_and_result() -> None:
    odd = {"call_id": "functions.search:0"}
    found = messages(user("a"), {**call(1), **odd}, {**output(1), **odd})
    made = found[1]["content"][0]["id"]
    assert made == found[2]["content"][0]["tool_use_id"]
    assert made.replace("_", "").isalnum()


def test_a_custom_call_is_a_call_with_one_field() -> None:
    custom = {"type": "custom_tool_call", "call_id": "call_1", "name": "patch", "input": "+a"}
    given = {"type": "custom_tool_call_output", "call_id": "call_1", "output": "done"}
    assert messages(user("a"), custom, given)[1:] == [
        turn("assistant", use(1, {"input": "+a"}, "patch")),
        turn("user", result(1, "done")),
    ]


def test_a_call_in_a_namespace_has_it_in_its_name() -> None:
    found = messages(user("a"), call(1, namespace="mcp__docs__"), output(1))
    assert found[1]["content"][0]["name"] == "mcp__docs__search"


THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "ErUB="}


def reasoning(encrypted: str) -> Body:
    return {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted}


def test_thinking_that_was_carried_goes_back_as_it_was() -> None:
    found = messages(
        user("a"),
        reasoning(sealed.of_thinking("Hm.", "ErUB=")),
        reasoning(sealed.of_redacted("Red=")),
        call(1),
        output(1),
    )
    hidden = {"type": "redacted_thinking", "data": "Red="}
    assert found[1] == turn("assistant", THOUGHT, hidden, use(1))


@pytest.mark.parametrize("encrypted", ["gAAAAB", "responses:gAAA", "messages:?", "messages:e30="])
def test_what_another_model_reasoned_is_left_out(encrypted: str) -> None:
    assert messages(user("a"), reasoning(encrypted), assistant("b"), user("c"))[1] == turn(
        "assistant", text_block("b")
    )


@pytest.mark.parametrize("kind", ["web_search_call", "image_generation_call", "ghost_snapshot"])
def test_steps_of_openais_own_tools_are_left_out(kind: str) -> None:
    assert messages(user("a"), {"type": kind, "id": "x"}, assistant("b"), user("c"))[1] == turn(
        "assistant", text_block("b")
    )


# --- the rest ---


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({}, 16_000),
        ({"stream": True}, 32_000),
        ({"max_output_tokens": 5}, 5),
        ({"max_output_tokens": None, "stream": False}, 16_000),
    ],
)
def test_there_always_is_a_limit(fields: Body, made: int) -> None:
    assert translated(**fields)["max_tokens"] == made


@pytest.mark.parametrize(
    ("model", "fields", "made"),
    [
        ("claude-sonnet-4.5", {"temperature": 0.5}, {"temperature": 0.5}),
        ("claude-sonnet-4.5", {"temperature": 1.8}, {"temperature": 1}),
        ("claude-sonnet-4.5", {"top_p": 0.5}, {"top_p": 0.5}),
        ("claude-sonnet-4.5", {"temperature": 0, "top_p": 0.5}, {"temperature": 0}),
        ("claude-sonnet-4.5", {"temperature": 0, "reasoning": {"effort": "low"}}, {}),
        ("claude-opus-4.7", {"temperature": 0}, {}),
    ],
)
def test_sampling(model: str, fields: Body, made: Body) -> None:
    found = translated(model=model, **fields)
    assert {name: found[name] for name in ("temperature", "top_p") if name in found} == made


SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("form", "config"),
    [
        ({"type": "text"}, None),
        (
            {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True},
            {"format": {"type": "json_schema", "schema": SCHEMA}},
        ),
    ],
)
def test_the_form_of_the_answer(form: Body, config: Any) -> None:
    assert translated(text={"format": form, "verbosity": "low"}).get("output_config") == config


def test_the_objects_of_a_form_are_closed() -> None:
    inner = {"type": "object", "properties": {"type": {"type": "string"}}}
    schema = {
        **inner,
        "properties": {"a": {"type": "array", "items": inner}, "b": {"type": "object"}},
    }
    form = {"type": "json_schema", "name": "n", "schema": schema}
    found = translated(text={"format": form})["output_config"]["format"]["schema"]
    shut = {"additionalProperties": False}
    assert found == {
        **schema,
        **shut,
        "properties": {"a": {"type": "array", "items": {**inner, **shut}}, "b": {"type": "object"}},
    }


def test_a_form_that_says_it_is_open_stays_so() -> None:
    schema = {**SCHEMA, "additionalProperties": True}
    form = {"type": "json_schema", "name": "n", "schema": schema}
    assert translated(text={"format": form})["output_config"]["format"]["schema"] == schema


def test_any_object_is_asked_for_in_words() -> None:
    found = translated(instructions="Be.", text={"format": {"type": "json_object"}})
    assert found["system"] == [
        text_block("Be."),
        text_block("Answer with one JSON object and nothing else."),
    ]


@pytest.mark.parametrize(
    ("fields", "made"),
    [
        ({"user": "ann"}, {"user_id": "ann"}),
        ({"user": "ann", "safety_identifier": "bob"}, {"user_id": "bob"}),
        ({"user": "x" * 257}, None),
    ],
)
def test_the_user(fields: Body, made: Any) -> None:
    assert translated(**fields).get("metadata") == made


def test_fields_without_a_meaning_upstream_are_dropped() -> None:
    """What Codex sends besides."""
    found = translated(
        store=False,
        include=["reasoning.encrypted_content"],
        client_metadata={"x": "y"},
        metadata={"a": "b"},
        service_tier="auto",
        truncation="auto",
        stream_options={"include_obfuscation": False},
        max_tool_calls=5,
        context_management=[{"type": "compaction"}],
        anything="else",
    )
    assert found == translated()


# --- the cache ---


def marked(body: Body) -> list[str]:
    """Where marks are."""
    places = [
        f"system.{at}"
        for at, each in enumerate(body.get("system", []))
        if MARK.items() <= each.items()
    ]
    places += [
        f"tools.{at}"
        for at, each in enumerate(body.get("tools", []))
        if MARK.items() <= each.items()
    ]
    for number, message in enumerate(body["messages"]):
        for at, block in enumerate(message["content"]):
            if MARK.items() <= block.items():
                places.append(f"{number}.{at}")
    return places


LOOP = [user("a"), user("b"), call(1), output(1), call(2), output(2)]


@pytest.mark.parametrize(
    ("fields", "places"),
    [
        ({"prompt_cache_key": "k", "instructions": "Be."}, ["system.0", "0.0"]),
        ({"tools": [FUNCTION]}, ["tools.0", "0.0"]),
        ({"tools": [FUNCTION], "instructions": "Be.", "input": LOOP}, ["system.0", "2.0", "4.0"]),
        ({"prompt_cache_key": "k", "input": [user("a"), user("b")]}, ["0.1"]),
        ({"instructions": "Be."}, []),
    ],
)
def test_what_comes_again_is_marked_for_the_cache(fields: Body, places: list[str]) -> None:
    assert marked(translated(**fields)) == places


# --- what is turned away ---


def test_an_answer_to_continue_is_not_found() -> None:
    error = refusal(previous_response_id="resp_1")
    assert (error.fault, error.code, error.param) == (
        Fault.CALLER_REQUEST_REFUSED,
        "previous_response_not_found",
        "previous_response_id",
    )


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 5}, "top_logprobs"),
        ({"input": [user("a"), assistant("b")]}, "input[1]"),
        ({"input": [user("a"), {"type": "item_reference", "id": "x"}]}, "input[1].type"),
        ({"input": [{"type": "compaction", "encrypted_content": "x"}]}, "input[0].type"),
        ({"input": [{"type": "local_shell_call", "call_id": "x"}]}, "input[0].type"),
        (
            {"input": [message_item("user", {"type": "input_audio"})]},
            "input[0].content[0].type",
        ),
        (
            {"input": [message_item("user", {"type": "input_image", "file_id": "f"})]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [message_item("user", {"type": "input_file", "file_data": "x"})]},
            "input[0].content[0].file_data",
        ),
        (
            {"input": [message_item("developer", input_image("QQ")), user("a")]},
            "input[0].content[0].type",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(fields: Body, param: str) -> None:
    error = refusal(**fields)
    assert (error.fault, error.param) == (Fault.CALLER_REQUEST_REFUSED, param)
    assert param in error.message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": None}, "model"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["a"]}, "input[0]"),
        ({"input": [{}]}, "input[0].type"),
        ({"input": [{"role": "tool", "content": "a"}]}, "input[0].role"),
        ({"input": [{"role": "user", "content": {}}]}, "input[0].content"),
        ({"input": [message_item("user", {"text": "a"})]}, "input[0].content[0].type"),
        (
            {"input": [message_item("user", {"type": "input_text", "text": 5})]},
            "input[0].content[0].text",
        ),
        (
            {"input": [message_item("user", {"type": "input_image", "image_url": "file:///a"})]},
            "input[0].content[0].image_url",
        ),
        ({"input": [user("a"), call(1)]}, "input[1].call_id"),
        ({"input": [user("a"), call(1), user("b")]}, "input[1].call_id"),
        ({"input": [user("a"), output(1)]}, "input[1].call_id"),
        ({"input": [user("a"), output(1), call(1)]}, "input[1].call_id"),
        ({"input": [user("a"), call(1), output(1), output(1)]}, "input[3].call_id"),
        ({"input": [user("a"), call(1, name=None), output(1)]}, "input[1].name"),
        ({"input": [user("a"), call(1, name="a.b"), output(1)]}, "input[1].name"),
        ({"instructions": []}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stream": 1}, "stream"),
        ({"reasoning": "high"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"user": 5}, "user"),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(fields: Body, param: str) -> None:
    error = refusal(**fields)
    assert (error.fault, error.param) == (Fault.CALLER_BODY_INVALID, param)


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"secret"', b"\xff"])
def test_what_is_no_request_is_invalid(raw: bytes) -> None:
    error = refusal(raw)
    assert error.fault is Fault.CALLER_BODY_INVALID
    assert "secret" not in error.message


SCHEMA_OF_TEXT = {"type": "json_schema", "name": "n", "schema": SCHEMA}
FULL = {
    "model": "claude-sonnet-4.5",
    "instructions": "Be.",
    "input": [
        developer("Brief."),
        {"type": "additional_tools", "role": "developer", "tools": [FUNCTION]},
        message_item("user", input_text("a"), input_image("QQ")),
        reasoning(sealed.of_thinking("Hm.", "s")),
        assistant("b"),
        call(1, '{"q": 1}', namespace="docs"),
        {"type": "custom_tool_call", "call_id": "x", "name": "patch", "input": "+a"},
        output(1, [input_text("c"), {"type": "input_file", "file_data": PDF}]),
        {"type": "custom_tool_call_output", "call_id": "x", "output": "d"},
    ],
    "tools": [
        FUNCTION,
        {"type": "custom", "name": "patch", "format": {"type": "grammar", "definition": "s"}},
        {"type": "namespace", "name": "docs", "tools": [{**FUNCTION, "parameters": SCHEMA}]},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [FUNCTION]},
    "parallel_tool_calls": False,
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": SCHEMA_OF_TEXT, "verbosity": "low"},
    "max_output_tokens": 5000,
    "user": "ann",
    "stream": True,
}


@settings(max_examples=50)
@given(st.data())
def test_nothing_that_is_wrong_ends_in_anything_but_a_refusal(data: st.DataObject) -> None:
    body = data.draw(damaged(json.loads(encoded(FULL))))
    with suppress(GatewayError):
        RESPONSES_OVER_MESSAGES.request(encoded(body))
