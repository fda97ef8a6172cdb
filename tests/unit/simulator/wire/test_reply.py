"""What is said, and into which pieces it falls."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.scenario.faults import Script
from simulator.wire.catalogue import CATALOGUE
from simulator.wire.chat_request import ChatRequest, decode_chat
from simulator.wire.reply import Reply, argument_pieces, pieces_of, reply_to, stretched
from tests.unit.simulator.asking import WEATHER

MODELS = {model.id: model for model in CATALOGUE}


def request(**fields: object) -> ChatRequest:
    content = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **fields}
    decoded = decode_chat(json.dumps(content).encode())
    assert decoded is not None
    return decoded


def reply(script: Script | None = None, model: str = "gpt-4o", **fields: object) -> Reply:
    return reply_to(request(**fields).prompt(), MODELS[model], script or Script())


@given(st.text(), st.none() | st.integers(1, 50), st.none() | st.integers(1, 50))
def test_pieces_are_the_text(text: str, chunks: int | None, size: int | None) -> None:
    """However a text is cut, nothing of it is lost or changed."""
    script = Script(chunks=chunks, chunk_characters=size)
    full = stretched(text, script)
    assert "".join(pieces_of(full, script)) == full


@given(st.text(min_size=1), st.integers(1, 50), st.none() | st.integers(1, 20))
def test_as_many_pieces_as_asked_for(text: str, chunks: int, size: int | None) -> None:
    script = Script(chunks=chunks, chunk_characters=size)
    pieces = pieces_of(stretched(text, script), script)
    assert len(pieces) == chunks
    assert size is None or all(len(piece) == size for piece in pieces)


def test_words_by_default() -> None:
    assert pieces_of("one  two three", Script()) == ["one  ", "two ", "three"]


def test_same_request_same_reply() -> None:
    assert reply(tools=[WEATHER]) == reply(tools=[WEATHER])


@pytest.mark.parametrize(
    ("choice", "said", "is_call"),
    [
        (None, "hi", True),
        ("auto", "hi", True),
        ("none", "hi", False),
        ("auto", "please answer Without Tools", False),
        ("required", "without tools", True),
        ({"type": "function", "function": {"name": "get_weather"}}, "without tools", True),
    ],
)
def test_when_tools_are_called(choice: object, said: str, is_call: bool) -> None:
    messages = [{"role": "user", "content": said}]
    made = reply(tools=[WEATHER], tool_choice=choice, messages=messages)
    assert bool(made.calls) is is_call


def test_tool_choice_names_the_tool() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    choice = {"type": "function", "function": {"name": "other"}}
    (call,) = reply(tools=[WEATHER, other], tool_choice=choice).calls
    assert (call.name, call.arguments) == ("other", "{}")


def test_parallel_calls_have_ids_of_their_own() -> None:
    calls = reply(Script(parallel_tool_calls=3), tools=[WEATHER]).calls
    assert len({call.id for call in calls}) == 3
    assert all("".join(argument_pieces(call.arguments)) == call.arguments for call in calls)


def test_calls_of_another_turn_have_other_ids() -> None:
    """Within one conversation no id may name two calls."""
    user = {"role": "user", "content": "hi"}
    (first,) = reply(tools=[WEATHER], messages=[user]).calls
    (later,) = reply(tools=[WEATHER], messages=[user, user, user]).calls
    assert first.arguments == later.arguments
    assert first.id != later.id


def test_only_claude_speaks_before_it_calls() -> None:
    """§6.3: in GPT's answers `content` is absent with tool calls."""
    assert reply(tools=[WEATHER]).text == ""
    assert "calls get_weather" in reply(model="claude-sonnet-4.6", tools=[WEATHER]).text


def test_counts_are_four_characters_a_token() -> None:
    made = reply(Script(text="12345678"))
    assert (made.prompt_tokens, made.completion_tokens) == (1 + 4, 2)


def test_cached_tokens_are_never_more_than_the_prompt() -> None:
    assert reply(Script(cached_tokens=1_000)).cached_tokens == 5


def test_script_overrides_the_finish_reason_and_the_tools() -> None:
    made = reply(Script(finish_reason="content_filter", call_tools=False), tools=[WEATHER])
    assert (made.finish_reason, made.calls) == ("content_filter", ())


def test_secrets_of_the_conversation_are_not_in_a_repr() -> None:
    assert "simulated answer" not in repr(reply())
