"""OpenAI's own stream helper takes the chunks for what they are."""

from openai.types.chat import ParsedChatCompletion

from gateway.domain.translation.chat_over_responses.translation import CHAT_OVER_RESPONSES
from gateway.domain.translation.contract import Asked
from tests.unit.gateway.domain.translation.chat_over_responses.served import served
from tests.unit.gateway.domain.translation.chat_over_responses.shapes import (
    Body,
    events,
    function_call,
    message,
    reasoning,
    text,
)

ASKED = Asked("the-model", 1_795_350_000, "a1b2")


def accumulated(output: list[Body], reason: str | None = None) -> ParsedChatCompletion[None]:
    translator = CHAT_OVER_RESPONSES.stream(ASKED)
    each = [translator.feed(event) for event in events(output, reason)]
    with (
        served(b"".join(each) + translator.finish()) as client,
        client.chat.completions.stream(
            model="the-model", messages=[{"role": "user", "content": "hello"}]
        ) as stream,
    ):
        stream.until_done()
        return stream.get_final_completion()


def test_text_and_usage_arrive() -> None:
    found = accumulated([reasoning("Hm."), message(text("hello there"))])
    assert found.id == "chatcmpl-a1b2"
    assert found.choices[0].message.content == "hello there"
    assert found.choices[0].finish_reason == "stop"
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (12, 7)


def test_parallel_calls_arrive() -> None:
    calls = [function_call("call_1", "f", '{"a":1}'), function_call("call_2", "g", "{}")]
    (choice,) = accumulated([message(text("Looking.")), *calls]).choices
    assert choice.message.content == "Looking."
    called = choice.message.tool_calls or []
    assert [(each.id, each.function.name, each.function.arguments) for each in called] == [
        ("call_1", "f", '{"a":1}'),
        ("call_2", "g", "{}"),
    ]
    assert choice.finish_reason == "tool_calls"
