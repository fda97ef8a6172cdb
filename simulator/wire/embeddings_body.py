"""Embeddings (§5.8): the request, decoded as far as it matters, and the answer.

A text always has the same vector, of length one; texts that differ have unrelated vectors.
"""

import hashlib
import math
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from simulator.wire.prompt import estimate_tokens

USUAL_DIMENSIONS = 1536
MOST_INPUTS = 512


class EmbeddingsRequest(msgspec.Struct):
    """An embeddings request; its input may be anything."""

    model: str = ""
    input: Any = None
    dimensions: int | None = None
    stream: bool | None = None

    @property
    def texts(self) -> list[str] | None:
        """The input, if it is a list of strings that is not empty: nothing else is taken."""
        if not isinstance(self.input, list) or not self.input:
            return None
        return self.input if all(isinstance(each, str) for each in self.input) else None


_decode = msgspec.json.Decoder(EmbeddingsRequest).decode


def decode_embeddings(body: bytes) -> EmbeddingsRequest | None:
    """The request in a body; None if it is not one."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def count_tokens(texts: Sequence[str]) -> int:
    """What the texts are charged as."""
    return sum(map(estimate_tokens, texts))


def embeddings_body(texts: Sequence[str], model: str, dimensions: int | None) -> dict[str, Any]:
    """OpenAI's answer, numbers as numbers whatever encoding was asked for."""
    tokens = count_tokens(texts)
    return {
        "object": "list",
        "data": [
            {
                "object": "embedding",
                "index": index,
                "embedding": vector(text, dimensions or USUAL_DIMENSIONS),
            }
            for index, text in enumerate(texts)
        ],
        "model": model,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of a text."""
    chance = Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    numbers = [chance.random() - 0.5 for _ in range(dimensions)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [round(number / length, 7) for number in numbers]
