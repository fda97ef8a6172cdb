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
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

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


async def test_what_a_list_says_of_its_models_is_passed_on_in_either_shape() -> None:
    listed = b'{"data":[{"id":"m","owned_by":"acme","created":1686935002}]}'
    script = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(listed) + listed]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with aiohttp.ClientSession(headers=AUTHORIZATION) as session:
            async with session.get(front.url + "/v1/models/m") as answer:
                model = await answer.json()
                assert (model["owned_by"], model["created"]) == ("acme", 1_686_935_002)
            anthropic = {"anthropic-version": "2023-06-01"}
            async with session.get(front.url + "/v1/models/m", headers=anthropic) as answer:
                assert (await answer.json())["created_at"] == "2023-06-16T17:03:22Z"


BROKEN = {
    "a header with a control character": b"Authorization: Bearer cgw-SECRET\x00x\r\n\r\n",
    "a header that is too long": b"Authorization: Bearer cgw-SECRET" + b"x" * 9_000 + b"\r\n\r\n",
    "a length that is no number": b"x-api-key: cgw-SECRET\r\nContent-Length: cgw-SECRET\r\n\r\n",
    "a chunk without a size": (
        b"Transfer-Encoding: chunked\r\n\r\ncgw-SECRET in the body\r\n0\r\n\r\n"
    ),
    "an encoding nobody knows": (
        b"x-api-key: callers-key\r\nContent-Encoding: br\r\nContent-Length: 10\r\n\r\ncgw-SECRET"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_what_is_no_http_is_answered_as_everything_else_and_not_quoted(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Keys and content may stand anywhere in it: neither the log nor the answer repeats them."""
    caplog.set_level(logging.DEBUG)
    async with fronting("http://127.0.0.1:1") as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n" + BROKEN[name])
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[:2] in ([b"HTTP/1.1", b"400"], [b"HTTP/1.1", b"401"])
    assert b"\r\nx-request-id: " in head
    assert b"\r\nConnection: close" in head
    assert b"\r\nserver: " not in head.lower()
    assert b"\r\nx-gateway-error: caller_" in head
    assert json.loads(body)["error"]["message"]
    said = answer.decode() + "".join(
        f"{record.getMessage()} {vars(record)} {record.exc_text}" for record in caplog.records
    )
    assert "cgw-SECRET" not in said
    assert front.events.ended


async def test_a_length_that_is_too_small_does_not_show_the_rest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What follows is read as a request of its own, and is none."""
    caplog.set_level(logging.DEBUG)
    async with fronting("http://127.0.0.1:1") as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        writer.write(
            b"POST /nowhere HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n"
            b'{}{"messages": "cgw-SECRET"}\r\n\r\n'
        )
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    assert b"x-gateway-error: caller_http_invalid" in answer
    said = answer.decode() + "".join(f"{r.getMessage()} {vars(r)}" for r in caplog.records)
    assert "cgw-SECRET" not in said


PACKED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    "body",
    [b"no gzip at all", PACKED[:-6] + b"\x00" * 6, PACKED[:20]],
    ids=["no gzip", "a wrong checksum", "half of it"],
)
async def test_a_body_that_is_not_encoded_as_it_says_is_the_callers_mistake(body: bytes) -> None:
    headers = {**AUTHORIZATION, "Content-Encoding": "gzip"}
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.post(front.url + PATH, data=body, headers=headers) as answer:
            assert answer.status == 400
            assert answer.headers["x-gateway-error"].startswith("caller_")


async def test_a_key_that_is_no_text_is_an_unknown_key() -> None:
    async with fronting("http://127.0.0.1:1") as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        writer.write(
            b"GET /v1/models HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n"
            b"x-api-key: caf\xe9 \xff\r\n\r\n"
        )
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"x-gateway-error: caller_key_unknown" in answer


async def test_a_stream_keeps_the_callers_own_id_too() -> None:
    event = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    event += b'[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\ndata: [DONE]\n\n'
    script = [head("text/event-stream"), chunk(event), chunk(b"")]
    body = json.dumps({**json.loads(BODY), "stream": True})
    headers = {**AUTHORIZATION, "x-request-id": "mine-1"}
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=body, headers=headers) as answer,
        ):
            assert answer.headers["x-caller-request-id"] == "mine-1"
            assert answer.headers["x-request-id"] not in ("", "mine-1")


async def test_a_stream_cut_off_upstream_is_not_whole_to_a_caller_of_http_1_0() -> None:
    event = b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    event += b'[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
    script: list[Step] = [head("text/event-stream"), chunk(event), Act.CLOSE]
    body = json.dumps({**json.loads(BODY), "stream": True}).encode()
    fields = "".join(f"{name}: {value}\r\n" for name, value in AUTHORIZATION.items())
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        reader, writer = await asyncio.open_connection(front.host, front.port)
        request = f"POST {PATH} HTTP/1.0\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
        writer.write(request.encode() + body)
        async with asyncio.timeout(5):
            await reader.readuntil(b'data: {"error":')
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()


async def test_a_wrong_method_is_told_the_right_one() -> None:
    async with fronting("http://127.0.0.1:1") as front, aiohttp.ClientSession() as session:
        async with session.get(front.url + PATH) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == "POST"
