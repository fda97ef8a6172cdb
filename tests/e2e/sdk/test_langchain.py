"""LangChain's ChatOpenAI and OpenAIEmbeddings, unmodified, through the running pair."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.tool import ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from tests.e2e.sdk.asked import (
    CLAUDE,
    CODEX,
    GPT,
    SERVED_CHAT,
    SERVED_RESPONSES,
    WEATHER,
    Forecast,
    calls_at_once,
    initiators,
    reached,
)
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

each_way = pytest.mark.parametrize(
    ("uses_responses", "model", "path"),
    [
        *((False, model, path) for model, path in SERVED_CHAT.items()),
        *((True, model, path) for model, path in SERVED_RESPONSES.items()),
    ],
)


@tool
def get_weather(location: str) -> str:
    """The weather at a place."""
    return WEATHER


def chat_model(pair: Pair, model: str, uses_responses: bool, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=pair.base_url + "/v1",
        api_key=lambda: pair.key,
        model=model,
        use_responses_api=uses_responses,
        stream_usage=True,
        max_retries=0,
        timeout=20,
        **more,
    )


def whole(model: Any, messages: list[BaseMessage]) -> AIMessage:
    answer = model.invoke(messages)
    assert isinstance(answer, AIMessage)
    return answer


def streamed(model: Any, messages: list[BaseMessage]) -> AIMessage:
    chunks = list(model.stream(messages))
    assert len(chunks) > 1
    total: AIMessageChunk = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


@each_way
@pytest.mark.parametrize("ask", [whole, streamed])
def test_a_tool_loop(
    pair: Pair,
    simulator: Simulator,
    ask: Callable[[Any, list[BaseMessage]], AIMessage],
    uses_responses: bool,
    model: str,
    path: str,
) -> None:
    calls_at_once(simulator, 2)
    bound = chat_model(pair, model, uses_responses).bind_tools([get_weather])
    said: list[BaseMessage] = [HumanMessage("How is the weather?")]
    first = ask(bound, said)
    assert [call["name"] for call in first.tool_calls] == ["get_weather"] * 2
    said += [first, *(get_weather.invoke(call) for call in first.tool_calls)]
    assert isinstance(said[-1], ToolMessage)
    second = ask(bound, said)
    assert f"The tool answered: {WEATHER}" in second.text
    assert second.usage_metadata is not None
    assert second.usage_metadata["total_tokens"] > 0
    # A person goes on.
    said += [second, HumanMessage("Thank you, without tools.")]
    third = ask(bound, said)
    assert third.text.endswith("Thank you, without tools.")
    assert initiators(simulator) == ["user", "agent", "user"]
    assert {seen.path for seen in reached(simulator)} == {path}


@each_way
def test_an_answer_in_a_class(
    pair: Pair, simulator: Simulator, uses_responses: bool, model: str, path: str
) -> None:
    forecaster = chat_model(pair, model, uses_responses).with_structured_output(Forecast)
    assert isinstance(forecaster.invoke("How is the weather?"), Forecast)


@pytest.mark.anyio
@pytest.mark.parametrize("model", [GPT, CLAUDE, CODEX])
async def test_it_streams_asynchronously(pair: Pair, simulator: Simulator, model: str) -> None:
    chunks = [chunk.text async for chunk in chat_model(pair, model, False).astream("Say hello.")]
    assert "".join(chunks).endswith("You said: Say hello.")


def test_embeddings_without_counting_tokens(pair: Pair, simulator: Simulator) -> None:
    """With the check, LangChain sends tokens instead of texts, which upstream does not take."""
    embeddings = OpenAIEmbeddings(
        base_url=pair.base_url + "/v1",
        api_key=lambda: pair.key,
        model="text-embedding-3-small",
        check_embedding_ctx_length=False,
    )
    vectors = embeddings.embed_documents(["one", "two"])
    assert len(vectors) == 2
    assert embeddings.embed_query("one") == pytest.approx(vectors[0])
