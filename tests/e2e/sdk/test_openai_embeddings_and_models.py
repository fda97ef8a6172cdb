"""The official openai SDK, unmodified: embeddings and the model list."""

import json
import math

import openai
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, EMBEDDINGS, GPT, reached, the_one
from tests.servers.simulator import Simulator

MODEL = "text-embedding-3-small"
DIMENSIONS = 1536


def test_texts_become_vectors(client: openai.OpenAI, simulator: Simulator) -> None:
    """The SDK asks for base64 unless it is told otherwise."""
    answer = client.embeddings.create(model=MODEL, input=["one", "two"])
    assert [each.index for each in answer.data] == [0, 1]
    assert {len(each.embedding) for each in answer.data} == {DIMENSIONS}
    assert math.isclose(sum(x * x for x in answer.data[0].embedding), 1, rel_tol=1e-3)
    assert answer.object == "list"
    assert answer.usage.total_tokens > 0
    seen = the_one(simulator)
    assert (seen.path, seen.initiator, seen.vision) == (EMBEDDINGS, "user", False)


def test_one_text_is_wrapped_as_upstream_wants_it(
    client: openai.OpenAI, simulator: Simulator
) -> None:
    alone = client.embeddings.create(model=MODEL, input="one", encoding_format="float")
    listed = client.embeddings.create(model=MODEL, input=["one"], encoding_format="float")
    assert alone.data[0].embedding == listed.data[0].embedding
    assert json.loads(reached(simulator)[0].body or "")["input"] == ["one"]


def test_fewer_dimensions(client: openai.OpenAI) -> None:
    answer = client.embeddings.create(model=MODEL, input="one", dimensions=256)
    assert len(answer.data[0].embedding) == 256


@pytest.mark.anyio
async def test_the_async_client(async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.embeddings.create(model=MODEL, input="one")
    assert len(answer.data[0].embedding) == DIMENSIONS
    assert CLAUDE in [model.id async for model in async_client.models.list()]


def test_tokens_are_refused_clearly(client: openai.OpenAI, simulator: Simulator) -> None:
    """Upstream would say no more than Bad Request."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=MODEL, input=[[1, 2, 3]])
    assert caught.value.param == "input"
    assert "token" in caught.value.message
    assert reached(simulator) == []


def test_a_model_that_does_something_else(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as chats:
        client.embeddings.create(model=GPT, input="one")
    assert chats.value.code == "unsupported_api_for_model"
    with pytest.raises(openai.BadRequestError) as embeds:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hi"}])
    assert embeds.value.code == "unsupported_api_for_model"


def test_the_model_list(client: openai.OpenAI) -> None:
    found = list(client.models.list())
    ids = [model.id for model in found]
    assert {CLAUDE, CODEX, GPT, MODEL} <= set(ids)
    assert len(ids) == len(set(ids))
    assert not [each for each in ids if each.startswith(("accounts/", "oswe-vscode"))]
    assert {model.object for model in found} == {"model"}
    assert client.models.retrieve(CODEX).owned_by == "OpenAI"
    assert client.models.retrieve("claude-haiku-4-5-20260101").id == "claude-haiku-4.5"


def test_a_model_that_is_not_there(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-none")
    assert caught.value.code == "model_not_found"
