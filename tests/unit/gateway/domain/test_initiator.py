"""The truth tables of the initiator, for all three protocols (copilot-upstream.md §8)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.initiator import (
    Initiator,
    Rule,
    Said,
    Verdict,
    judge_chat,
    judge_messages,
    judge_other,
    judge_responses,
)
from gateway.domain.requests import chat, messages, responses

USER, AGENT = Initiator.USER, Initiator.AGENT
NOTHING = Said(None, may_mark_agent=False)
ROLES = ("system", "developer", "user", "assistant", "tool", "function", "unheard_of")
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def of_chat(said: list[Any], caller: Said = NOTHING) -> Verdict:
    """said: roles, or whole messages; `calls` is an assistant that calls tools."""
    calling = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    turns = [
        calling
        if each == "calls"
        else {"role": each, "content": "x"}
        if isinstance(each, str)
        else each
        for each in said
    ]
    body = json.dumps({"model": "m", "messages": turns}).encode()
    return judge_chat(chat.parse(body).messages, caller)


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("user", USER),
        ("user assistant user", USER),
        ("user calls tool", AGENT),
        ("user calls tool user", USER),
        ("user calls tool tool", AGENT),
        ("user calls function", AGENT),
        ("user calls tool system", AGENT),
        ("user calls tool developer system", AGENT),
        ("user calls user", AGENT),
        ("user calls system user", AGENT),
        ("user calls user system", AGENT),
        ("user calls user user", USER),
        ("user calls user assistant user", USER),
        ("user calls tool assistant user", USER),
        ("user system", USER),
        ("user assistant", USER),
        ("user calls", USER),
        ("system", USER),
        ("unheard_of", USER),
    ],
)
def test_chat(roles: str, expected: Initiator) -> None:
    assert of_chat(roles.split()).initiator is expected


@pytest.mark.parametrize("calls", [None, [], "none", {}])
def test_an_assistant_without_calls_is_answered_by_a_person(calls: Any) -> None:
    assistant = {"role": "assistant", "content": "x", "tool_calls": calls}
    assert of_chat(["user", assistant, "user"]) == Verdict(USER, Rule.DEFAULT)


def test_the_rule_that_fired_is_told_apart() -> None:
    assert of_chat(["user", "calls", "user"]).rule is Rule.TOOL_OUTPUT_AS_USER
    assert of_chat(["user", "calls", "tool"]).rule is Rule.TOOL_OUTPUT_LAST


@given(st.lists(st.sampled_from(ROLES), max_size=8))
def test_whatever_a_person_said_last_is_theirs(roles: list[str]) -> None:
    """No history makes a request that ends with a user's message an agent's."""
    assert of_chat([*roles, "user"], Said("agent", may_mark_agent=False)).initiator is USER


def of_responses(items: Any, scan: bool = False, caller: Said = NOTHING) -> Verdict:
    body = json.dumps({"model": "m", "input": items}).encode()
    return judge_responses(responses.parse(body).items, caller, scan)


def message(role: str) -> dict[str, Any]:
    return {"type": "message", "role": role, "content": [{"type": "input_text", "text": "x"}]}


def item(kind: str) -> dict[str, Any]:
    return {"type": kind, "call_id": "c"}


ENDS_IN_RESPONSES = {
    "function_call": AGENT,
    "function_call_arguments": AGENT,
    "computer_call": AGENT,
    "tool_result": AGENT,
    "function_call_output": AGENT,
    "computer_call_output": AGENT,
    "local_shell_call_output": AGENT,
    "custom_tool_call_output": AGENT,
    "apply_patch_call_output": AGENT,
    "mcp_approval_response": USER,
    "item_reference": USER,
    "reasoning": USER,
    "never_heard_of": USER,
}


@pytest.mark.parametrize(("kind", "expected"), ENDS_IN_RESPONSES.items())
def test_responses_by_the_last_item(kind: str, expected: Initiator) -> None:
    for after in ([], [message("developer")], [message("system"), message("developer")]):
        assert of_responses([message("user"), item(kind), *after]).initiator is expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("hi", USER),
        ([{"role": "user", "content": "hi"}], USER),
        ([message("user"), item("function_call"), item("function_call_output")], AGENT),
        ([item("function_call"), item("function_call_output"), message("user")], USER),
        ([message("user"), message("assistant")], USER),
        ([message("user"), message("assistant"), message("user")], USER),
        ([message("system")], USER),
        ([{"type": 7}], USER),
        ([{"content": "hi"}], USER),
    ],
)
def test_responses(items: Any, expected: Initiator) -> None:
    assert of_responses(items).initiator is expected


def test_history_is_scanned_only_where_the_operator_wants_it() -> None:
    follow_up = [message("user"), message("assistant"), message("user")]
    tools = [item("function_call"), item("function_call_output"), message("user")]
    for items in (follow_up, tools):
        assert of_responses(items).initiator is USER
        assert of_responses(items, scan=True) == Verdict(AGENT, Rule.HISTORY_SCANNED)
    assert of_responses([message("user")], scan=True).initiator is USER
    assert of_responses("hi", scan=True).initiator is USER


def of_messages(turns: list[tuple[str, Any]], caller: Said = NOTHING) -> Verdict:
    said = [{"role": role, "content": content} for role, content in turns]
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": said}).encode()
    return judge_messages(messages.parse(body).messages, caller)


RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "x"}
TEXT = {"type": "text", "text": "x"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
USES = ("assistant", [{"type": "tool_use", "id": "t", "name": "f", "input": {}}])


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ("hi", USER),
        ([TEXT], USER),
        ([RESULT], AGENT),
        ([RESULT, RESULT], AGENT),
        ([RESULT, TEXT], USER),
        ([TEXT, RESULT], USER),
        ([RESULT, IMAGE], USER),
        ([], USER),
    ],
)
def test_messages(last: Any, expected: Initiator) -> None:
    assert of_messages([("user", "hi"), USES, ("user", last)]).initiator is expected
    assert (
        of_messages([("user", "hi"), USES, ("user", last), ("system", "x")]).initiator is expected
    )


def test_a_prefilled_answer_is_a_persons() -> None:
    assert of_messages([("user", [RESULT]), ("assistant", "I")]).initiator is USER


@pytest.mark.parametrize(
    ("marked", "allowed", "expected", "rule"),
    [
        ("agent", True, AGENT, Rule.CALLER_SAID_AGENT),
        ("AGENT ", True, AGENT, Rule.CALLER_SAID_AGENT),
        ("agent", False, USER, Rule.DEFAULT),
        ("user", True, USER, Rule.CALLER_SAID_USER),
        ("robot", True, USER, Rule.DEFAULT),
        ("", True, USER, Rule.DEFAULT),
    ],
)
def test_a_caller_may_say_agent_only_where_its_key_allows(
    marked: str, allowed: bool, expected: Initiator, rule: Rule
) -> None:
    caller = Said(marked, allowed)
    for verdict in (
        of_chat(["user"], caller),
        of_responses("hi", caller=caller),
        of_messages([("user", "hi")], caller),
        judge_other(caller),
    ):
        assert (verdict.initiator, verdict.rule) == (expected, rule)


def test_a_callers_user_is_never_downgraded() -> None:
    caller = Said("user", may_mark_agent=True)
    assert of_chat(["user", "calls", "tool"], caller).initiator is USER
    assert of_responses([item("function_call_output")], caller=caller).initiator is USER
    assert of_messages([USES, ("user", [RESULT])], caller).initiator is USER
