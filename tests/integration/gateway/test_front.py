"""The front's own answers: ids, keys, bodies, errors."""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator

import aiohttp
import pytest

from gateway.domain.errors import Fault, GatewayError
from runtime import logs
from tests.servers.gateway_front import AUTHORIZATION, BODY_BYTES, fronting
from tests.servers.raw_upstream import RawUpstream, playing

pytestmark = pytest.mark.anyio
PATH = "/v1/chat/completions"
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}]}).encode()
OK = (
    b'{"id":"1","object":"chat.completion","created":1,"model":"m","later":"unknown","choices":'
    b'[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Quota-Snapshot-Chat: ent=1\r\n"
    b"Content-Length: " + str(len(OK)).encode() + b"\r\n\r\n" + OK
)


async def test_a_whole_answer_crosses_unchanged_and_its_private_headers_do_not() -> None:
    async with playing(RawUpstream([ANSWER])) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=BODY, headers=AUTHORIZATION) as answer,
        ):
            assert await answer.read() == OK
            assert "x-quota-snapshot-chat" not in answer.headers
    sent = upstream.requests[0]
    assert sent.startswith(b"POST /chat/completions HTTP/1.1\r\n")
    assert sent.endswith(BODY)
    assert b"Authorization: Bearer the-token\r\n" in sent
    assert b"X-Initiator: user\r\n" in sent
    assert b"callers-key" not in sent


async def test_every_answer_has_an_id_and_keeps_the_callers_own() -> None:
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.get(front.url + "/nowhere", headers={"x-request-id": "mine-1"}) as one:
            assert one.headers["x-caller-request-id"] == "mine-1"
            first = one.headers["x-request-id"]
        async with session.get(front.url + "/nowhere", headers={"x-request-id": "b d"}) as two:
            assert "x-caller-request-id" not in two.headers
            assert two.headers["x-request-id"] not in ("", "b d", first)


@pytest.mark.parametrize(
    ("headers", "status", "fault"),
    [
        ({}, 401, "caller_key_missing"),
        ({"Authorization": "Bearer nope"}, 401, "caller_key_unknown"),
        ({"x-api-key": "nope"}, 401, "caller_key_unknown"),
        ({**AUTHORIZATION, "x-api-key": "other"}, 401, "caller_keys_conflict"),
    ],
)
async def test_no_request_passes_without_a_good_key(
    headers: dict[str, str], status: int, fault: str
) -> None:
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.post(front.url + PATH, data=BODY, headers=headers) as answer:
            assert (answer.status, answer.headers["x-gateway-error"]) == (status, fault)
        assert front.tokens.asked == []


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        (b"{", 400, "caller_body_invalid"),
        (b"x" * (BODY_BYTES + 1), 413, "caller_body_too_large"),
    ],
)
async def test_a_bad_body_is_refused_before_anything_is_asked(
    body: bytes, status: int, fault: str
) -> None:
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.post(front.url + PATH, data=body, headers=AUTHORIZATION) as answer:
            assert (answer.status, answer.headers["x-gateway-error"]) == (status, fault)
        assert front.tokens.asked == []


async def test_a_small_body_that_unpacks_to_a_large_one_is_too_large() -> None:
    bomb = gzip.compress(b" " * (BODY_BYTES * 20))
    headers = {**AUTHORIZATION, "Content-Encoding": "gzip"}
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.post(front.url + PATH, data=bomb, headers=headers) as answer:
            assert answer.status == 413


async def test_a_body_without_a_length_is_counted_as_it_comes() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES // 1024 + 5):
            yield b"x" * 1024

    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.post(front.url + PATH, data=endless(), headers=AUTHORIZATION) as answer:
            assert answer.status == 413


async def test_a_caller_that_waits_to_be_invited_is_invited() -> None:
    """curl sends `Expect: 100-continue` with large bodies and waits."""
    async with playing(RawUpstream([ANSWER])) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                front.url + PATH, data=BODY, headers=AUTHORIZATION, expect100=True
            ) as answer,
        ):
            assert answer.status == 200


async def test_a_seats_trouble_is_never_the_callers_401() -> None:
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        front.tokens.error = GatewayError(Fault.SEAT_CREDENTIAL, "words", retry_after=2.5)
        async with session.post(front.url + PATH, data=BODY, headers=AUTHORIZATION) as answer:
            assert answer.status == 502
            assert answer.headers["Retry-After"] == "3"
            assert (await answer.json())["error"]["code"] == "seat_credential"


async def test_a_defect_is_answered_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        front.tokens.error = ZeroDivisionError("a secret prompt")  # type: ignore[assignment]
        async with session.post(front.url + PATH, data=BODY, headers=AUTHORIZATION) as answer:
            assert answer.status == 500
            assert answer.headers["x-gateway-error"] == "gateway_other"
            assert "secret" not in await answer.text()
    written = " ".join(logs.JsonFormatter().format(record) for record in caplog.records)
    assert "ZeroDivisionError" in written
    assert "secret prompt" not in written


async def test_the_connection_is_kept_for_the_next_request() -> None:
    async with playing(RawUpstream([ANSWER])) as upstream, fronting(upstream.url) as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        for _ in range(2):
            writer.write(
                f"POST {PATH} HTTP/1.1\r\nHost: g\r\nx-api-key: callers-key\r\n"
                f"Content-Length: {len(BODY)}\r\n\r\n".encode()
                + BODY
            )
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            await reader.readexactly(len(OK))
        writer.close()


async def test_models_are_listed_and_looked_up() -> None:
    listed = b'{"data":[{"id":"gpt-4o","vendor":"OpenAI"},{"id":"gpt-4o"}]}'
    script = [
        b"HTTP/1.1 200 OK\r\nContent-Length: " + str(len(listed)).encode() + b"\r\n\r\n" + listed
    ]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with aiohttp.ClientSession(headers=AUTHORIZATION) as session:
            async with session.get(front.url + "/v1/models") as answer:
                assert await answer.json() == {
                    "object": "list",
                    "data": [
                        {"id": "gpt-4o", "object": "model", "created": 0, "owned_by": "OpenAI"}
                    ],
                }
            async with session.get(front.url + "/v1/models/gpt-4o") as answer:
                assert (await answer.json())["id"] == "gpt-4o"
            async with session.get(front.url + "/v1/models/nope") as answer:
                assert answer.status == 404
    assert len(upstream.requests) == 1
    assert b"x-initiator" not in upstream.requests[0].lower()
