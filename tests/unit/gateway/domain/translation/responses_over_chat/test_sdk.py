"""OpenAI's own stream helper takes the events for what they are."""

from typing import Any

import pytest
from hypothesis import given, settings

from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_over_responses.served import served
from tests.unit.gateway.domain.translation.responses_over_chat.shapes import (
    TOOLS,
    Body,
    answers,
    asked,
    chunks,
    function,
)

ASKED = asked({"tools": TOOLS})


def heard(fields: Body) -> list[Any]:
    """All events of the SDK's helper, which raises at one out of order."""
    translator = RESPONSES_OVER_CHAT.stream(ASKED)
    each = [translator.feed(one) for one in chunks(**fields)]
    with (
        served(b"".join(each) + translator.finish()) as client,
        client.responses.stream(model="the-model", input="hello") as stream,
    ):
        return list(stream)


def test_text_reasoning_and_usage_arrive() -> None:
    response = heard({"content": "hello there", "thoughts": "Hm."})[-1].response
    assert response.id == "resp_a1b2"
    assert response.output_text == "hello there"
    assert response.output[0].summary[0].text == "Hm."
    assert (response.usage.input_tokens, response.usage.output_tokens) == (12, 7)


def test_deltas_and_their_sums_arrive() -> None:
    events = heard({"content": "hello there"})
    deltas = [each for each in events if each.type == "response.output_text.delta"]
    assert "".join(each.delta for each in deltas) == "hello there"
    assert deltas[-1].snapshot == "hello there"


def test_calls_of_each_kind_arrive() -> None:
    calls = [
        function("call_1", "read_file", '{"a":1}'),
        function("call_2", "patch", '{"input":"*** a"}'),
        function("call_3", "n__t", "{}"),
    ]
    output = heard({"content": "Looking.", "calls": calls})[-1].response.output
    assert [each.type for each in output] == [
        "message",
        "function_call",
        "custom_tool_call",
        "function_call",
    ]
    assert (output[1].call_id, output[1].arguments) == ("call_1", '{"a":1}')
    assert (output[2].call_id, output[2].input) == ("call_2", "*** a")
    assert (output[3].name, output[3].namespace) == ("t", "n")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
def test_an_incomplete_answer_ends_as_one(finish: str) -> None:
    last = heard({"content": "hel", "finish": finish})[-1]
    assert last.type == "response.incomplete"
    assert last.response.output[0].status == "incomplete"


@settings(max_examples=20, deadline=None)
@given(fields=answers)
def test_any_answer_is_heard_to_its_end(fields: Body) -> None:
    assert heard(fields)[-1].type.startswith("response.")
