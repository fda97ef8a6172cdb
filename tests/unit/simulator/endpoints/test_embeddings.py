"""Embeddings: what is taken, what is not (§5.8, S17)."""

from typing import Any

import pytest

from tests.unit.simulator.asking import Simulated, Told, problem


def embed(said: Any, model: str = "text-embedding-3-small", **fields: Any) -> Told:
    simulated = Simulated()
    return simulated.post("/embeddings", {"model": model, "input": said, **fields})


@pytest.mark.parametrize("said", ["text", [1, 2], [[1, 2]], [], None, ["a", 1], {"a": 1}])
def test_only_lists_of_strings_are_taken(said: Any) -> None:
    told = embed(said)
    assert (told.status, told.body) == (400, b"Bad Request\n")
    assert told.plan.headers["Content-Type"].startswith("text/plain")


def test_a_vector_for_each_text() -> None:
    told = embed(["one", "two", "one"], dimensions=8)
    first, second, third = (each["embedding"] for each in told.json["data"])
    assert first == third != second
    assert len(first) == 8
    assert told.entry.prompt_tokens == told.json["usage"]["prompt_tokens"] > 0
    assert told.entry.completion_tokens == 0
    assert told.entry.nano_aiu == told.json["copilot_usage"]["total_nano_aiu"] > 0
    assert (told.entry.endpoint, told.entry.model) == ("embeddings", "text-embedding-3-small")


def test_batches_are_bounded() -> None:
    """§5.8: `capabilities.limits.max_inputs`."""
    assert embed(["x"] * 512, dimensions=1).status == 200
    told = embed(["x"] * 513, dimensions=1)
    assert told.status == 400
    assert "513 inputs" in told.json["error"]["message"]


def test_models_of_the_other_kind() -> None:
    assert problem(embed(["a"], model="gpt-4o")) == (400, "unsupported_api_for_model")
    assert problem(embed(["a"], model="nonsense")) == (400, "model_not_supported")
    assert embed(["a"], model="text-embedding-ada-002").status == 200


def test_bodies_that_are_none() -> None:
    assert Simulated().post("/embeddings", b"{").status == 400
