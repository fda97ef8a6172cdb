"""A tool's name for Claude leads back to the tool, and a custom tool's input to its text."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.translation.for_responses.names import INPUT, Called, ToolNames, argument_of
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.responses_over_messages import naming
from gateway.domain.translation.responses_over_messages.tools import names_of, tools_of

FIND = {"type": "function", "name": "find"}
LONG = "n" * 60
CUSTOM = Called("patch", is_custom=True)


def request(*tools: Any) -> Fields:
    return Fields({"tools": list(tools), "input": "a"})


@pytest.mark.parametrize(
    ("tool", "called"),
    [
        (FIND, Called("find")),
        ({**FIND, "type": "custom"}, Called("find", is_custom=True)),
        ({"type": "namespace", "name": "docs", "tools": [FIND]}, Called("find", "docs")),
        ({"type": "namespace", "name": LONG, "tools": [FIND]}, Called("find", LONG)),
    ],
)
def test_the_name_that_is_offered_leads_back(tool: Any, called: Called) -> None:
    asked = request(tool, {"type": "web_search"})
    (offered,) = tools_of(asked, [])["tools"]
    assert len(offered["name"]) <= 64
    assert names_of(asked).called(offered["name"]) == called


def test_a_call_in_the_history_has_the_same_name() -> None:
    call = Fields({"name": "find", "namespace": LONG})
    tool = {"type": "namespace", "name": LONG, "tools": [FIND]}
    assert naming.flat_name(call, LONG) in names_of(request(tool)).known


def test_what_nobody_offered_is_a_function() -> None:
    assert ToolNames().called("find") == Called("find")


@settings(max_examples=50)
@given(st.text())
def test_a_custom_tools_text_comes_back(text: str) -> None:
    assert argument_of(CUSTOM, json.dumps({INPUT: text})) == text


def test_half_a_character_in_it_is_no_reason_to_show_the_form() -> None:
    assert argument_of(CUSTOM, '{"input": "a \\ud83d"}') == "a \ufffd"


@pytest.mark.parametrize("arguments", ['{"input": "a', '{"input": 5}', "{}", "plain"])
def test_without_its_form_all_of_it_is_the_text(arguments: str) -> None:
    assert argument_of(CUSTOM, arguments) == arguments
