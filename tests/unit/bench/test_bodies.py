import json
from pathlib import Path

import pytest

from bench.bodies import PATHS, written

NAMING_BYTES = 256
"""As in bench/c/answers.h."""


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("size", [0, 100_000, 1_000_000])
def test_a_request_is_as_large_as_it_says_and_names_its_model_first(
    tmp_path: Path, protocol: str, size: int
) -> None:
    head, body = written(tmp_path, protocol, "fast", True, size).read_bytes().split(b"\r\n\r\n", 1)
    assert f"Content-Length: {len(body)}".encode() in head
    assert size <= len(body) < size * 1.2 + 1000
    beginning = body[:NAMING_BYTES]
    assert b'"bench-fast"' in beginning
    assert b'"stream":true' in beginning
    assert json.loads(body)["model"] == "bench-fast"
