"""Vectors: the same for a text, of length one (§5.8)."""

import math

from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.embeddings_body import count_tokens, embeddings_body, vector


@given(st.text(max_size=50), st.integers(1, 64))
def test_vectors_are_of_length_one_and_always_the_same(text: str, dimensions: int) -> None:
    made = vector(text, dimensions)
    assert len(made) == dimensions
    assert math.isclose(math.hypot(*made), 1, rel_tol=1e-4)
    assert made == vector(text, dimensions)


def test_texts_that_differ_have_other_vectors() -> None:
    assert vector("a", 8) != vector("b", 8)


def test_answer_is_openais() -> None:
    body = embeddings_body(["one", "two"], "text-embedding-3-small", None)
    assert (body["object"], body["model"]) == ("list", "text-embedding-3-small")
    assert [each["index"] for each in body["data"]] == [0, 1]
    assert {len(each["embedding"]) for each in body["data"]} == {1536}
    assert body["usage"] == {"prompt_tokens": 2, "total_tokens": 2}


def test_tokens_are_a_quarter_of_the_characters() -> None:
    assert count_tokens(["12345678", "1"]) == 3
