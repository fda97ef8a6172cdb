"""What callers do wrong, at the running pair, and what is written about it."""

import httpx
import pytest

from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

PATH = "/v1/chat/completions"
MIB = 1024 * 1024


def post(pair: Pair, content: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        pair.base_url + PATH,
        content=content,
        headers={"x-api-key": pair.key, **headers},
        timeout=30,
        trust_env=False,
    )


@pytest.mark.parametrize(
    ("content", "status", "code", "words"),
    [
        (b'{"model": "gpt-4o-mini", "messages": [', 400, "invalid_request_body", "not valid JSON"),
        (b'{"model": 5, "messages": []}', 400, "invalid_request_body", "'model'"),
        (b'{"messages": [{"role": "user"}]}', 400, "invalid_request_body", "'model' is required"),
        (b"x" * (33 * MIB), 413, "request_too_large", "larger than 33554432 bytes"),
    ],
    ids=["malformed", "wrong type", "missing", "33 MiB"],
)
def test_a_bad_body_is_a_clear_error_and_upstream_is_not_asked(
    pair: Pair, simulator: Simulator, content: bytes, status: int, code: str, words: str
) -> None:
    answer = post(pair, content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert words in answer.json()["error"]["message"]
    # The broker asks for the seat's quotas when it likes.
    assert [seen for seen in simulator.ledger() if seen.endpoint != "user_info"] == []


def test_a_body_just_within_the_limit_passes(pair: Pair, simulator: Simulator) -> None:
    filler = b" " * (32 * MIB - 200)
    body = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"x"}]' + filler + b"}"
    assert post(pair, body).status_code == 200


def test_an_unknown_key_is_refused_in_openais_shape(pair: Pair) -> None:
    answer = post(pair, b"{}", **{"x-api-key": "wrong"})
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_an_endpoint_that_is_not_here_says_so(pair: Pair) -> None:
    answer = httpx.get(pair.base_url + "/v1/responses/resp_1", trust_env=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unsupported_endpoint")
