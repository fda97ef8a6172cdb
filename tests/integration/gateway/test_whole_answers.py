"""Whole answers of every protocol: what is none is another account's to give, and so is silence."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from gateway.domain.groups import Group, GroupAccount
from gateway.domain.usage.record import UsageRecord
from tests.servers.gateway_front import AUTHORIZATION, FrontUnderTest, Limits, fronting
from tests.servers.raw_upstream import Act, RawUpstream, Step, head, playing

pytestmark = pytest.mark.anyio
TWO_SEATS = Group(
    "group", "copilot", (GroupAccount("seat-1"), GroupAccount("seat-2", priority=1)), keys=1
)
ONE_SEAT = Group("group", "copilot", (GroupAccount("seat-1"),), keys=1)
MESSAGES = [{"role": "user", "content": "hello"}]
TEXT = {"type": "text", "text": "hi"}
CHOICE = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}
IN_AND_OUT = {"input_tokens": 9, "output_tokens": 2}
ASKED_AND_ANSWERED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v1/chat/completions": (
        {"messages": MESSAGES},
        {
            "object": "chat.completion",
            "created": 1,
            "choices": [CHOICE],
            "usage": {"prompt_tokens": 9, "completion_tokens": 2},
        },
    ),
    "/v1/responses": (
        {"input": "hello"},
        {"object": "response", "status": "completed", "output": [ITEM], "usage": IN_AND_OUT},
    ),
    "/v1/messages": (
        {"messages": MESSAGES, "max_tokens": 9},
        {"type": "message", "role": "assistant", "content": [TEXT], "usage": IN_AND_OUT},
    ),
    "/v1/embeddings": (
        {"input": "hello"},
        {"object": "list", "data": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
    ),
}
ALL = pytest.mark.parametrize("path", list(ASKED_AND_ANSWERED))
PAGE = b"<html><title>Unicorn!</title></html>"


def answer(path: str) -> bytes:
    return json.dumps(ASKED_AND_ANSWERED[path][1]).encode()


def whole(body: bytes, more: int = 0) -> bytes:
    """A plain answer. more: how many bytes are announced that never come."""
    length = len(body) + more
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    return head.encode() + body


def until_close(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body


@asynccontextmanager
async def two_seats(
    first: list[Step], second: list[Step], limits: Limits | None = None, group: Group = TWO_SEATS
) -> AsyncIterator[FrontUnderTest]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(playing(RawUpstream(first)))
        two = await stack.enter_async_context(playing(RawUpstream(second)))
        yield await stack.enter_async_context(
            fronting(one.url, limits, group=group, seat_urls={"seat-2": two.url})
        )


async def ask(front: FrontUnderTest, path: str, **more: Any) -> tuple[int, str, bytes]:
    """Status, whose fault it was, body."""
    body = {"model": "m", **ASKED_AND_ANSWERED[path][0], **more}
    async with (
        aiohttp.ClientSession() as session,
        session.post(front.url + path, json=body, headers=AUTHORIZATION) as got,
    ):
        return got.status, got.headers.get("x-gateway-error", ""), await got.read()


def the_record(front: FrontUnderTest) -> UsageRecord:
    (record,) = front.journal.records
    return record


def tried(front: FrontUnderTest) -> list[tuple[str, str]]:
    return [(each.account, each.fault.value) for each in front.events.ended[0].tried]


@ALL
@pytest.mark.parametrize("kind", ["page", "nothing", "cut", "cut until close"])
async def test_what_is_no_answer_is_replaced_by_another_accounts(path: str, kind: str) -> None:
    good = answer(path)
    first: dict[str, list[Step]] = {
        "page": [whole(PAGE)],
        "nothing": [whole(b"")],
        "cut": [whole(good[:-10])],
        "cut until close": [until_close(good[:-10]), Act.CLOSE],
    }
    async with two_seats(first[kind], [whole(good)]) as front:
        assert await ask(front, path) == (200, "", good)
        assert tried(front) == [("seat-1", "upstream_bad_answer")]
        record = the_record(front)
    assert (record.outcome, record.account_id, record.attempts) == ("complete", "seat-2", 2)
    assert (record.input_tokens, record.output_tokens) == (9, 2)
    assert record.is_partial, "nobody knows what the first attempt cost"


@ALL
async def test_without_another_account_it_is_an_error_that_echoes_nothing(path: str) -> None:
    async with two_seats([whole(PAGE)], [], group=ONE_SEAT) as front:
        status, fault, body = await ask(front, path)
        record = the_record(front)
    assert (status, fault) == (502, "upstream_bad_answer")
    assert b"Unicorn" not in body
    assert (record.outcome, record.is_partial) == ("unavailable", True)


@ALL
async def test_an_answer_that_ends_with_its_connection_is_one_when_it_is_whole(path: str) -> None:
    good = answer(path)
    async with two_seats([until_close(good), Act.CLOSE], []) as front:
        assert await ask(front, path) == (200, "", good)
        assert not the_record(front).is_partial


@ALL
@pytest.mark.parametrize("kind", ["a length too large", "one chunk", "a head"])
async def test_silence_in_the_middle_moves_once(path: str, kind: str) -> None:
    good = answer(path)
    begun = {
        "a length too large": whole(good, more=20),
        "one chunk": head("application/json") + b"5\r\n" + good[:5] + b"\r\n",
        "a head": head("application/json"),
    }[kind]
    async with two_seats([begun, Act.SILENCE], [whole(good)], Limits(idle=0.2)) as front:
        assert await ask(front, path) == (200, "", good)
        assert tried(front) == [("seat-1", "upstream_idle")]
        assert the_record(front).is_partial


@ALL
async def test_silence_of_every_account_is_said_long_before_the_requests_own_deadline(
    path: str,
) -> None:
    stalled: list[Step] = [whole(answer(path), more=20), Act.SILENCE]
    async with two_seats(stalled, stalled, Limits(idle=0.2)) as front:
        async with asyncio.timeout(10):
            status, fault, _ = await ask(front, path)
    assert (status, fault) == (504, "upstream_idle")


async def test_a_refusal_that_stalls_is_given_up_and_judged_by_its_status() -> None:
    path = "/v1/messages"
    stalled = b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nno"
    async with two_seats([stalled, Act.SILENCE], [whole(answer(path))], Limits(idle=0.2)) as front:
        assert (await ask(front, path))[0] == 200
        assert tried(front) == [("seat-1", "upstream_unavailable")]


@ALL
async def test_an_answer_that_is_cut_in_the_middle_of_a_character_goes_on(path: str) -> None:
    good = answer(path).replace(b'"hi"', rb'"x\ud83d"').replace(b'"list"', rb'"\ud83d"')
    async with two_seats([whole(good)], []) as front:
        assert await ask(front, path) == (200, "", good)
        record = the_record(front)
    assert (record.outcome, record.input_tokens, record.is_partial) == ("complete", 9, False)


@pytest.mark.parametrize(
    ("script", "is_partial"),
    [
        ([Act.CLOSE], True),
        ([Act.RESET], True),
        ([b"HTTP/1.1 2"], True),
        ([b"HTTP/1.1 200 OK\r\n" + b"x: " + b"v" * 100_000 + b"\r\n\r\n"], True),
        ([b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno"], False),
    ],
    ids=["closed", "reset", "half a head", "too large a head", "refused"],
)
async def test_a_request_that_went_out_and_was_not_answered_may_have_cost_something(
    script: list[Step], is_partial: bool
) -> None:
    path = "/v1/messages"
    async with two_seats([*script, Act.CLOSE], [], group=ONE_SEAT) as front:
        assert (await ask(front, path))[1] == "upstream_unavailable"
        record = the_record(front)
    assert (record.outcome, record.attempts) == ("unavailable", 1)
    assert record.is_partial is is_partial


async def test_a_request_that_never_went_out_has_cost_nothing() -> None:
    async with playing(RawUpstream([])) as gone:
        url = gone.url
    async with fronting(url, group=ONE_SEAT) as front:
        assert (await ask(front, "/v1/messages"))[1] == "upstream_unavailable"
        record = the_record(front)
    assert (record.outcome, record.is_partial) == ("unavailable", False)


async def test_an_answer_that_says_nothing_of_its_cost_is_complete_and_partial() -> None:
    path = "/v1/messages"
    silent = {**ASKED_AND_ANSWERED[path][1], "usage": None}
    async with two_seats([whole(json.dumps(silent).encode())], []) as front:
        assert (await ask(front, path))[0] == 200
        record = the_record(front)
    assert (record.outcome, record.input_tokens, record.is_partial) == ("complete", 0, True)


async def test_a_body_that_comes_in_place_of_a_stream_and_stalls_is_given_up_too() -> None:
    path = "/v1/messages"
    stalled = whole(b'{"error":{"code":"x"', more=20)
    async with two_seats([stalled, Act.SILENCE], [], Limits(idle=0.2), ONE_SEAT) as front:
        async with asyncio.timeout(10):
            status, fault, _ = await ask(front, path, stream=True)
    assert (status, fault) == (504, "upstream_idle")
