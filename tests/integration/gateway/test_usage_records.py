"""One record for each inference request, however it ends, on the disk before its end is out."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.record import UsageRecord
from tests.servers.gateway_front import AUTHORIZATION, FrontUnderTest, Limits, fronting
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio
PATH = "/v1/chat/completions"
SSE, JSON = head("text/event-stream"), head("application/json")
USAGE = {
    "prompt_tokens": 50,
    "completion_tokens": 7,
    "prompt_tokens_details": {"cached_tokens": 20},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
COSTS = {"total_nano_aiu": 1234}
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"code":"server_error","message":"no"}}\n\n'
WHOLE = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
        ],
        "usage": USAGE,
        "copilot_usage": COSTS,
    }
).encode()
LAST = (
    b"data: "
    + json.dumps(
        {
            "id": "1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": [],
            "usage": USAGE,
            "copilot_usage": COSTS,
        }
    ).encode()
    + b"\n\n"
)
MESSAGES_BEGIN = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"1","type":"message",'
    b'"role":"assistant","model":"m","content":[],"usage":{"input_tokens":30,'
    b'"cache_read_input_tokens":20,"output_tokens":1}}}\n\n'
)


def body(stream: bool = True, **more: Any) -> bytes:
    message = {"role": "user", "content": "hello"}
    return json.dumps({"model": "m", "stream": stream, "messages": [message], **more}).encode()


async def answer_to(
    front: FrontUnderTest, content: bytes, path: str = PATH, **headers: str
) -> tuple[int, bytes, str]:
    """Status, body as far as it comes, and the request's id."""
    async with aiohttp.ClientSession() as session:
        url, all_headers = front.url + path, {**AUTHORIZATION, **headers}
        async with session.post(url, data=content, headers=all_headers) as answer:
            found = b""
            try:
                async for piece in answer.content.iter_any():
                    found += piece
            except aiohttp.ClientPayloadError:
                pass
            return answer.status, found, answer.headers["x-request-id"]


def the_record(front: FrontUnderTest) -> UsageRecord:
    (record,) = front.journal.records
    return record


def tokens(record: UsageRecord) -> tuple[int, int, int, int]:
    return (
        record.input_tokens,
        record.output_tokens,
        record.cached_tokens,
        record.reasoning_tokens,
    )


async def test_a_whole_answer_has_a_record_with_all_that_is_known_of_it() -> None:
    script = [JSON, chunk(WHOLE), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        status, _, request_id = await answer_to(front, body(False), **{"x-request-id": "mine-1"})
        record = the_record(front)
    assert status == 200
    assert (record.request_id, record.caller_request_id) == (request_id, "mine-1")
    assert (record.key_id, record.group_id, record.served_group_id) == (
        *("test-key", "group", "group"),
    )
    assert (record.account_id, record.platform, record.endpoint) == ("seat-1", "copilot", PATH)
    assert (record.requested_model, record.served_model) == ("m", "m")
    assert (record.initiator, record.initiator_rule, record.stream) == ("user", "default", False)
    assert (record.outcome, record.status, record.fault) == ("complete", 200, "")
    assert tokens(record) == (50, 7, 20, 3)
    assert (record.nano_aiu, record.credits_source, record.is_partial) == (1234, "upstream", False)
    assert record.attempts == 1
    assert record.first_byte_seconds is not None
    assert 0 < record.first_byte_seconds <= record.duration_seconds < 60
    begun, sent, ended = front.journal.lines
    assert isinstance(begun, Begun)
    assert isinstance(sent, Sent)
    assert ended is record
    assert begun.time == record.time
    assert (sent.account_id, sent.attempts, sent.served_model) == ("seat-1", 1, "m")
    assert front.events.records == [record]


async def test_a_stream_has_its_record_before_its_end_is_out() -> None:
    """Upstream's body ends only afterwards; an SDK has its answer with [DONE]."""
    go_on = asyncio.Event()
    script: list[Step] = [SSE, chunk(EVENT), chunk(LAST + DONE), go_on, chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=body(), headers=AUTHORIZATION) as answer,
        ):
            seen = b""
            while DONE not in seen:
                assert front.journal.records == [] or LAST in seen + LAST
                seen += await answer.content.readany()
            record = the_record(front)
            go_on.set()
    assert (record.outcome, record.stream, record.is_partial) == ("complete", True, False)
    assert tokens(record) == (50, 7, 20, 3)
    assert record.nano_aiu == 1234


async def test_usage_that_the_caller_did_not_ask_for_is_known_all_the_same() -> None:
    script = [SSE, chunk(EVENT), chunk(LAST), chunk(DONE), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        _, got, _ = await answer_to(front, body())
        assert b'"usage"' not in got
        assert tokens(the_record(front)) == (50, 7, 20, 3)
    assert b'"include_usage":true' in upstream.requests[0]


async def test_a_caller_that_leaves_has_a_partial_record_of_what_is_known() -> None:
    script: list[Step] = [SSE, chunk(MESSAGES_BEGIN), Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                front.url + "/v1/messages", data=body(max_tokens=9), headers=AUTHORIZATION
            ) as answer,
        ):
            await answer.content.readany()
        async with asyncio.timeout(5):
            while not front.journal.records:
                await asyncio.sleep(0.002)
        record = the_record(front)
    assert (record.outcome, record.is_partial, record.status) == ("client_gone", True, 200)
    assert tokens(record) == (50, 1, 20, 0)
    assert record.nano_aiu is None


async def test_a_caller_that_leaves_before_the_answer_has_a_record() -> None:
    async with (
        playing(RawUpstream([Act.SILENCE])) as upstream,
        fronting(upstream.url) as front,
    ):
        _, writer = await asyncio.open_connection(front.host, front.port)
        content = body()
        writer.write(
            f"POST {PATH} HTTP/1.1\r\nHost: g\r\nx-api-key: callers-key\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        await upstream.arrived.wait()
        writer.close()
        async with asyncio.timeout(5):
            while not front.journal.records:
                await asyncio.sleep(0.002)
        record = the_record(front)
    assert (record.outcome, record.status, record.is_partial) == ("client_gone", 499, True)


@pytest.mark.parametrize(
    ("script", "outcome", "fault"),
    [
        ([SSE, chunk(EVENT), Act.RESET], "truncated", "upstream_cut_off"),
        ([SSE, chunk(EVENT), chunk(b"")], "truncated", "upstream_truncated"),
        ([SSE, chunk(EVENT), Act.SILENCE], "idle", "upstream_idle"),
    ],
)
async def test_a_stream_that_fails_has_its_record_before_the_error_event(
    script: list[Step], outcome: str, fault: str
) -> None:
    limits = Limits(idle=0.2)
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url, limits) as front:
        _, got, _ = await answer_to(front, body())
        record = the_record(front)
        assert b'"error"' in got
    assert (record.outcome, record.fault, record.is_partial) == (outcome, fault, True)
    assert record.status == 200


async def test_an_error_event_of_upstreams_ends_the_record_too() -> None:
    go_on = asyncio.Event()
    script: list[Step] = [SSE, chunk(EVENT), go_on, chunk(ERROR), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=body(), headers=AUTHORIZATION) as answer,
        ):
            await answer.content.readany()
            go_on.set()
            assert b'"error"' in await answer.content.readany()
            record = the_record(front)
    assert (record.outcome, record.fault) == ("upstream_error", "upstream_stream_error")
    assert record.is_partial


TEAPOT = (
    b"HTTP/1.1 422 Unprocessable\r\nContent-Type: application/json\r\n"
    b'Content-Length: 26\r\n\r\n{"error":{"message":"no"}}'
)
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nretry-after: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "content", "outcome", "status", "attempts", "is_partial"),
    [
        ([TEAPOT], body(), "refused", 400, 1, False),
        ([BUSY], body(), "unavailable", 503, 1, False),
        ([Act.SILENCE], body(), "unavailable", 504, 1, True),
        ([], b"{", "refused", 400, 0, False),
    ],
)
async def test_a_request_that_is_refused_or_not_served_has_a_record(
    script: list[Step], content: bytes, outcome: str, status: int, attempts: int, is_partial: bool
) -> None:
    limits = Limits(first_byte=0.2)
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url, limits) as front:
        answered, _, request_id = await answer_to(front, content)
        record = the_record(front)
    assert answered == status
    assert record.request_id == request_id
    assert (record.outcome, record.status, record.attempts) == (outcome, status, attempts)
    assert record.is_partial is is_partial
    assert record.fault
    assert not record.is_counted


async def test_attempts_at_several_accounts_are_one_record() -> None:
    accounts = tuple(GroupAccount(f"seat-{n}", priority=n) for n in (1, 2))
    seats = Group("group", "copilot", accounts, keys=1)
    good, bad = RawUpstream([JSON, chunk(WHOLE), chunk(b"")]), RawUpstream([BUSY])
    async with playing(good), playing(bad):
        urls = {"seat-1": bad.url, "seat-2": good.url}
        async with fronting(good.url, group=seats, seat_urls=urls) as front:
            await answer_to(front, body(False))
            record = the_record(front)
            sent = [line for line in front.journal.lines if isinstance(line, Sent)]
    assert [(line.account_id, line.attempts) for line in sent] == [("seat-1", 1), ("seat-2", 2)]
    assert (record.outcome, record.account_id, record.attempts) == ("complete", "seat-2", 2)


async def test_without_a_good_key_there_is_no_record() -> None:
    async with fronting("http://127.0.0.1:1") as front:
        status, _, _ = await answer_to(front, body(), Authorization="Bearer nope")
        assert status == 401
        assert front.journal.lines == []


async def test_what_is_no_inference_has_no_record() -> None:
    async with fronting("http://127.0.0.1:1") as front:
        await answer_to(front, body(max_tokens=1), path="/v1/messages/count_tokens")
        assert front.journal.lines == []


async def test_the_wrong_platform_has_a_record_since_the_key_was_good() -> None:
    others = Group("others", "openai", (GroupAccount("azure", platform="openai"),), keys=1)
    async with fronting("http://127.0.0.1:1", group=others) as front:
        status, _, _ = await answer_to(front, body(), path="/copilot/v1/chat/completions")
        assert status == 403
        assert (the_record(front).outcome, the_record(front).fault) == (
            *("refused", "policy_platform"),
        )


# --- a journal without room ---------------------------------------------------------------------


async def test_with_a_full_journal_a_request_is_refused_and_not_sent() -> None:
    async with playing(RawUpstream([BUSY])) as upstream, fronting(upstream.url) as front:
        front.journal.has_room = False
        status, got, _ = await answer_to(front, body())
        assert status == 503
        assert b"gateway_journal_full" in got
        assert front.journal.lines == []
        assert upstream.requests == []


async def test_with_a_full_journal_and_drop_a_request_is_served_and_counted() -> None:
    script = [JSON, chunk(WHOLE), chunk(b"")]
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, refuses_when_full=False) as front,
    ):
        front.journal.has_room = False
        status, _, _ = await answer_to(front, body(False))
        assert status == 200
        assert front.journal.lines == []
        assert front.dropped.dropped == 1


# --- budgets at the front -------------------------------------------------------------------------


async def test_a_request_over_budget_is_refused_before_upstream_is_asked() -> None:
    script = [JSON, chunk(WHOLE), chunk(b"")]
    budget = Budget(Period.MONTH, requests=2)
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, budget=budget) as front,
    ):
        statuses = [(await answer_to(front, body(False)))[0] for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert len(upstream.requests) == 2
        refused = front.journal.records[-1]
    assert (refused.outcome, refused.fault, refused.attempts) == ("refused", "policy_budget", 0)


async def test_a_request_that_was_not_served_gives_its_place_in_the_budget_back() -> None:
    budget = Budget(Period.MONTH, requests=1)
    async with (
        playing(RawUpstream([TEAPOT])) as upstream,
        fronting(upstream.url, budget=budget) as front,
    ):
        assert [(await answer_to(front, body(False)))[0] for _ in range(3)] == [400, 400, 400]


async def test_tokens_count_once_they_are_known() -> None:
    script = [JSON, chunk(WHOLE), chunk(b"")]
    budget = Budget(Period.DAY, tokens=57)
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, budget=budget) as front,
    ):
        assert [(await answer_to(front, body(False)))[0] for _ in range(2)] == [200, 429]


async def test_usage_tells_a_key_what_it_used_and_what_is_left() -> None:
    script = [JSON, chunk(WHOLE), chunk(b"")]
    budget = Budget(Period.MONTH, requests=5, nano_aiu=10_000_000_000)
    async with (
        playing(RawUpstream(script)) as upstream,
        fronting(upstream.url, budget=budget) as front,
        aiohttp.ClientSession() as session,
    ):
        await answer_to(front, body(False))
        await front.ledger.add(front.journal.records)
        async with session.get(front.url + "/v1/usage", headers=AUTHORIZATION) as answer:
            found = await answer.json()
        async with session.get(front.url + "/v1/usage?period=week", headers=AUTHORIZATION) as bad:
            assert bad.status == 400
        front.ledger.is_down = True
        async with session.get(front.url + "/v1/usage", headers=AUTHORIZATION) as down:
            assert (down.status, down.headers["x-gateway-error"]) == (503, "gateway_ledger")
        async with session.get(front.url + "/v1/usage") as keyless:
            assert keyless.status == 401
    assert (found["object"], found["key"], found["group"]) == ("usage", "test-key", "group")
    assert found["total"] == {
        "requests": 1,
        "input_tokens": 50,
        "cached_tokens": 20,
        "output_tokens": 7,
        "reasoning_tokens": 3,
        "credits": 1234 / 1e9,
        "estimated_credits": 0.0,
        "premium_requests": 0.0,
    }
    assert [each["model"] for each in found["by_model"]] == ["m"]
    (standing,) = found["budgets"]
    assert (standing["holder"], standing["period"], standing["shadow"]) == ("key", "month", False)
    assert standing["requests"] == {"limit": 5, "used": 1, "remaining": 4}
    assert standing["tokens"] is None
    assert standing["credits"]["limit"] == 10.0
    assert standing["resets_at"].endswith("-01T00:00:00Z")
    assert len(front.journal.records) == 1, "asking is no use"
