"""The OpenAI Agents SDK, unmodified, runs its tool loop through the running pair."""

from collections.abc import Iterator

import openai
import pytest
from agents import (
    Agent,
    Model,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from agents.items import TResponseInputItem

from tests.e2e.sdk.asked import (
    SERVED_CHAT,
    SERVED_RESPONSES,
    WEATHER,
    Forecast,
    calls_at_once,
    initiators,
    reached,
)
from tests.servers.simulator import Simulator

each_way = pytest.mark.parametrize(
    ("kind", "model", "path"),
    [
        *((OpenAIChatCompletionsModel, model, path) for model, path in SERVED_CHAT.items()),
        *((OpenAIResponsesModel, model, path) for model, path in SERVED_RESPONSES.items()),
    ],
)
Kind = type[OpenAIChatCompletionsModel] | type[OpenAIResponsesModel]


@pytest.fixture(autouse=True, scope="module")
def without_tracing() -> Iterator[None]:
    """Traces would go to OpenAI itself."""
    set_tracing_disabled(True)
    yield
    set_tracing_disabled(False)


@function_tool
def get_weather(location: str) -> str:
    """The weather at a place."""
    return WEATHER


def agent_with(model: Model) -> Agent:
    return Agent(name="Forecaster", instructions="Be brief.", model=model, tools=[get_weather])


@pytest.mark.anyio
@each_way
async def test_a_tool_loop(
    async_client: openai.AsyncOpenAI, simulator: Simulator, kind: Kind, model: str, path: str
) -> None:
    calls_at_once(simulator, 2)
    agent = agent_with(kind(model=model, openai_client=async_client))
    first = await Runner.run(agent, "How is the weather?")
    assert f"The tool answered: {WEATHER}" in first.final_output
    said: list[TResponseInputItem] = [
        *first.to_input_list(),
        {"role": "user", "content": "Thank you, without tools."},
    ]
    second = await Runner.run(agent, said)
    assert second.final_output.endswith("Thank you, without tools.")
    assert initiators(simulator) == ["user", "agent", "user"]
    assert {seen.path for seen in reached(simulator)} == {path}


@pytest.mark.anyio
@each_way
async def test_a_streamed_tool_loop(
    async_client: openai.AsyncOpenAI, simulator: Simulator, kind: Kind, model: str, path: str
) -> None:
    agent = agent_with(kind(model=model, openai_client=async_client))
    run = Runner.run_streamed(agent, "How is the weather?")
    kinds = [
        event.name async for event in run.stream_events() if event.type == "run_item_stream_event"
    ]
    assert [kind for kind in kinds if kind.startswith("tool")] == ["tool_called", "tool_output"]
    assert f"The tool answered: {WEATHER}" in run.final_output
    assert initiators(simulator) == ["user", "agent"]


@pytest.mark.anyio
@each_way
async def test_an_answer_in_a_class(
    async_client: openai.AsyncOpenAI, simulator: Simulator, kind: Kind, model: str, path: str
) -> None:
    agent = Agent(
        name="Forecaster",
        model=kind(model=model, openai_client=async_client),
        output_type=Forecast,
    )
    run = await Runner.run(agent, "How is the weather?")
    assert isinstance(run.final_output, Forecast)
