"""Each protocol's tool loop with a model that upstream serves by another protocol, streamed.

Human turns of one conversation, with all that the answers brought sent back: text, calls,
results, and what the model thought, sealed.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.sdk.asked import (
    ABOUT_TOOL,
    CHAT,
    CLAUDE,
    CODEX,
    GEMINI,
    GPT,
    MESSAGES,
    PLACE,
    RESPONSES,
    TOOL,
    WEATHER,
    calls_at_once,
    reached,
)
from tests.servers.simulator import Simulator

TURNS = ("How is the weather?", "And tomorrow?", "And the day after?", "And then?")


def responses_loop(client: openai.OpenAI, models: Sequence[str]) -> list[str]:
    """What is said at the end of each human turn, one for each model."""
    tool: Any = {"type": "function", "name": TOOL, "parameters": PLACE, "strict": True}
    said: list[Any] = []
    texts = []
    for model, turn in zip(models, TURNS, strict=False):
        said.append({"role": "user", "content": turn})
        while True:
            with client.responses.stream(
                model=model,
                input=said,
                tools=[tool],
                reasoning={"effort": "medium"},
                include=["reasoning.encrypted_content"],
            ) as stream:
                answer = stream.get_final_response()
            said += [item.to_dict() for item in answer.output]
            calls = [item for item in answer.output if item.type == "function_call"]
            if not calls:
                texts.append(answer.output_text)
                break
            said += [
                {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
                for call in calls
                if json.loads(call.arguments)
            ]
    return texts


def messages_loop(claude: anthropic.Anthropic, models: Sequence[str]) -> list[str]:
    """What is said at the end of each human turn, one for each model."""
    tool: Any = {"name": TOOL, "description": ABOUT_TOOL, "input_schema": PLACE}
    said: list[Any] = []
    texts = []
    for model, turn in zip(models, TURNS, strict=False):
        said.append({"role": "user", "content": turn})
        while True:
            with claude.messages.stream(
                model=model,
                max_tokens=4096,
                messages=said,
                tools=[tool],
                thinking={"type": "enabled", "budget_tokens": 2048},
            ) as stream:
                answer = stream.get_final_message()
            said.append({"role": "assistant", "content": answer.content})
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                texts.append("".join(b.text for b in answer.content if b.type == "text"))
                break
            results = [
                {"type": "tool_result", "tool_use_id": call.id, "content": WEATHER}
                for call in calls
                if call.input
            ]
            said.append({"role": "user", "content": results})
    return texts


def chat_loop(client: openai.OpenAI, models: Sequence[str]) -> list[str]:
    """What is said at the end of each human turn, one for each model."""
    tool: Any = {"type": "function", "function": {"name": TOOL, "parameters": PLACE}}
    said: list[Any] = [{"role": "system", "content": "Be brief."}]
    texts = []
    for model, turn in zip(models, TURNS, strict=False):
        said.append({"role": "user", "content": turn})
        while True:
            answer = _chat_answer(client, model=model, messages=said, tools=[tool])
            said.append(answer)
            if not answer["tool_calls"]:
                texts.append(answer["content"])
                del answer["tool_calls"]
                break
            said += [
                {"role": "tool", "tool_call_id": call["id"], "content": WEATHER}
                for call in answer["tool_calls"]
                if json.loads(call["function"]["arguments"])
            ]
    return texts


def _chat_answer(client: openai.OpenAI, **asked: Any) -> dict[str, Any]:
    """One assistant's message, put together from its chunks as agents do it."""
    text = ""
    calls: dict[int, dict[str, Any]] = {}
    reason = None
    for chunk in client.chat.completions.create(stream=True, reasoning_effort="medium", **asked):
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            text += choice.delta.content or ""
            for delta in choice.delta.tool_calls or []:
                call = calls.setdefault(
                    delta.index,
                    {"id": delta.id, "type": "function", "function": {"name": "", "arguments": ""}},
                )
                assert delta.function is not None
                call["function"]["name"] += delta.function.name or ""
                call["function"]["arguments"] += delta.function.arguments or ""
    assert reason == ("tool_calls" if calls else "stop")
    return {"role": "assistant", "content": text, "tool_calls": list(calls.values())}


Loop = Callable[[Any, Sequence[str]], list[str]]


@pytest.fixture
def run(client: openai.OpenAI, claude: anthropic.Anthropic) -> Loop:
    """Runs a loop with its client."""

    def run(loop: Any, models: Sequence[str]) -> list[str]:
        texts: list[str] = loop(claude if loop is messages_loop else client, models)
        for text in texts:
            assert f"The tool answered: {WEATHER}" in text
        assert len(texts) == len(models)
        return texts

    return run


@pytest.mark.parametrize(
    ("loop", "model", "path"),
    [
        pytest.param(responses_loop, CLAUDE, MESSAGES, id="responses with a Claude model"),
        pytest.param(messages_loop, CODEX, RESPONSES, id="messages with a Codex model"),
        pytest.param(chat_loop, CODEX, RESPONSES, id="chat with a model of Responses only"),
        pytest.param(responses_loop, GPT, CHAT, id="responses with a model of chat only"),
        pytest.param(responses_loop, GEMINI, CHAT, id="responses with a chat model that thinks"),
        pytest.param(messages_loop, GPT, CHAT, id="messages with a model of chat only"),
        pytest.param(messages_loop, GEMINI, CHAT, id="messages with a chat model that thinks"),
        pytest.param(responses_loop, CODEX, RESPONSES, id="responses, native"),
        pytest.param(messages_loop, CLAUDE, MESSAGES, id="messages, native"),
        pytest.param(chat_loop, CLAUDE, CHAT, id="chat, native"),
    ],
)
def test_a_loop_of_two_turns(
    run: Loop, simulator: Simulator, loop: Any, model: str, path: str
) -> None:
    calls_at_once(simulator, 2)
    run(loop, [model, model])
    seen = reached(simulator)
    assert [each.initiator for each in seen] == ["user", "agent", "user", "agent"]
    assert {(each.path, each.model, each.status, each.stream) for each in seen} == {
        (path, model, 200, True)
    }
    assert len({each.account for each in seen}) == 1


@pytest.mark.parametrize("loop", [responses_loop, messages_loop, chat_loop])
@pytest.mark.parametrize(
    "models",
    [(CODEX, CLAUDE, GPT, CODEX), (CLAUDE, CODEX, GEMINI, CLAUDE), (GEMINI, CLAUDE, CODEX)],
)
def test_a_conversation_that_changes_its_model(
    run: Loop, simulator: Simulator, loop: Any, models: Sequence[str]
) -> None:
    """What one model has sealed means nothing to the next, which answers all the same."""
    run(loop, models)
    seen = reached(simulator)
    assert [(each.model, each.status) for each in seen] == [
        (model, 200) for model in models for _ in ("call", "answer")
    ]


@pytest.mark.parametrize("loop", [responses_loop, messages_loop, chat_loop])
@pytest.mark.parametrize("next_model", [CLAUDE, CODEX])
def test_thinking_that_nobody_sealed_does_not_bind_a_conversation(
    run: Loop, simulator: Simulator, loop: Any, next_model: str
) -> None:
    opaque = ["choices.delta.reasoning_opaque", "choices.message.reasoning_opaque"]
    simulator.faults({"match": {"model": GEMINI}, "drop": opaque})
    run(loop, [GEMINI, next_model])
