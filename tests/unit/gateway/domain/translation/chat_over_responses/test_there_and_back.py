"""Whatever is said, called, given and shown is still there after both translations."""

import json

from hypothesis import given, settings

from gateway.domain.translation.chat_over_responses.translation import CHAT_OVER_RESPONSES
from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_over_responses.conversations import (
    Body,
    as_chat,
    as_responses,
    atoms_of,
    turns,
)


def over_responses(body: Body) -> Body:
    found: Body = json.loads(CHAT_OVER_RESPONSES.request(json.dumps(body).encode()))
    return found


def over_chat(body: Body) -> Body:
    found: Body = json.loads(RESPONSES_OVER_CHAT.request(json.dumps(body).encode()))
    return found


@settings(max_examples=50, deadline=None)
@given(told=turns())
def test_chat_over_responses_keeps_all_of_it(told: list[object]) -> None:
    asked = as_chat(told)
    assert atoms_of(over_responses(asked)) == atoms_of(asked)


@settings(max_examples=50, deadline=None)
@given(told=turns())
def test_responses_over_chat_keeps_all_of_it(told: list[object]) -> None:
    asked = as_responses(told)
    assert atoms_of(over_chat(asked)) == atoms_of(asked)


@settings(max_examples=50, deadline=None)
@given(told=turns())
def test_chat_comes_back_from_responses(told: list[object]) -> None:
    asked = as_chat(told)
    # What the first translation makes of chat's custom calls is understood by the second.
    assert atoms_of(over_chat(over_responses(asked))) == atoms_of(asked)


@settings(max_examples=50, deadline=None)
@given(told=turns())
def test_responses_come_back_from_chat(told: list[object]) -> None:
    asked = as_responses(told)
    assert atoms_of(over_responses(over_chat(asked))) == atoms_of(asked)


@settings(max_examples=50, deadline=None)
@given(told=turns())
def test_results_stand_right_behind_the_message_that_called(told: list[object]) -> None:
    messages = over_chat(as_responses(told))["messages"]
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
        else:
            assert not waiting
        waiting |= {call["id"] for call in message.get("tool_calls", ())}
    assert not waiting
