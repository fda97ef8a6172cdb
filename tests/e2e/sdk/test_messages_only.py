"""Chat with a model that upstream has on Messages only, as it may have its next ones.

The simulator's catalogue has none, so this upstream's list says it of one.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.e2e.sdk.asked import (
    CLAUDE,
    MESSAGES,
    PIXEL_URL,
    PLACE,
    TOOL,
    WEATHER,
    Forecast,
    calls_at_once,
    initiators,
    reached,
    the_one,
)
from tests.e2e.sdk.scene import ACCOUNTS, SCENARIO
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

SAID: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."}]
WEATHER_TOOL: Any = {"type": "function", "function": {"name": TOOL, "parameters": PLACE}}


@pytest.fixture(scope="module")
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        simulator.load(SCENARIO)
        yield simulator


@pytest.fixture
def listing(upstream: Simulator) -> Iterator[Simulator]:
    """The upstream with an empty ledger and a list in which the model has one endpoint."""
    headers = {"authorization": f"Bearer {ACCOUNTS['octocat']}"}
    models = httpx.get(f"{upstream.base_url}/models", headers=headers, trust_env=False).json()
    for model in models["data"]:
        if model["id"] == CLAUDE:
            model["supported_endpoints"] = [MESSAGES]
    upstream.faults({"match": {"endpoint": "models"}, "respond": {"body": models}})
    upstream.clear_ledger()
    yield upstream
    upstream.remove_faults()


@pytest.fixture(scope="module")
def chat(upstream: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    with Pair(tmp_path_factory.mktemp("messages"), upstream.base_url) as pair:
        with openai.OpenAI(
            base_url=pair.base_url + "/v1", api_key=pair.key, max_retries=0, timeout=20
        ) as client:
            yield client


def test_an_answer_whole_and_streamed(listing: Simulator, chat: openai.OpenAI) -> None:
    whole = chat.chat.completions.create(model=CLAUDE, messages=SAID)
    chunks = list(
        chat.chat.completions.create(
            model=CLAUDE, messages=SAID, stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert text.endswith("You said: Hello.")
    assert whole.usage is not None
    assert [chunk.usage for chunk in chunks if chunk.usage] == [whole.usage]
    assert {seen.path for seen in reached(listing)} == {MESSAGES}


@pytest.mark.parametrize("calls", [1, 3])
def test_a_streamed_tool_loop(listing: Simulator, chat: openai.OpenAI, calls: int) -> None:
    calls_at_once(listing, calls)
    messages = list(SAID)
    asked: dict[str, Any] = {"model": CLAUDE, "tools": [WEATHER_TOOL], "reasoning_effort": "medium"}
    with chat.chat.completions.stream(messages=messages, **asked) as stream:
        first = stream.get_final_completion().choices[0].message
    made = first.tool_calls or []
    assert len({call.id for call in made}) == calls
    messages += [
        first.to_dict(),
        *({"role": "tool", "tool_call_id": call.id, "content": WEATHER} for call in made),
    ]
    with chat.chat.completions.stream(messages=messages, **asked) as stream:
        second = stream.get_final_completion().choices[0]
    assert second.finish_reason == "stop"
    assert f"The tool answered: {WEATHER}" in (second.message.content or "")
    assert initiators(listing) == ["user", "agent"]
    assert {seen.status for seen in reached(listing)} == {200}


def test_a_form_for_the_answer(listing: Simulator, chat: openai.OpenAI) -> None:
    answer = chat.chat.completions.parse(model=CLAUDE, messages=SAID, response_format=Forecast)
    assert isinstance(answer.choices[0].message.parsed, Forecast)


def test_an_image(listing: Simulator, chat: openai.OpenAI) -> None:
    image = {"type": "image_url", "image_url": {"url": PIXEL_URL}}
    said: Any = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, image]}]
    chat.chat.completions.create(model=CLAUDE, messages=said)
    seen = the_one(listing)
    assert seen.vision
    (block,) = [
        part
        for part in json.loads(seen.body or "")["messages"][0]["content"]
        if part["type"] == "image"
    ]
    assert block["source"]["media_type"] == "image/png"
