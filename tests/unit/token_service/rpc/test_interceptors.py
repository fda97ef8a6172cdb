"""Around every call: who calls, counting, timing, the audit, and errors into statuses."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from tests.fakes.callers import FakeAudit, FakeAuthenticator
from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from token_service.domain.callers import LOCAL_CALLER, Caller, Limits, Refusal, refused
from token_service.domain.errors import AccountNotFound, CredentialRejected
from token_service.domain.rates import Rate
from token_service.rpc.admission import Admission
from token_service.rpc.identity import caller_of, nothing
from token_service.rpc.interceptors import OPEN, CallBoundary
from token_service.rpc.warm import WarmAnswers

pytestmark = pytest.mark.anyio

SERVICE = "/token_service.v1.TokenService/"
PATH = f"{SERVICE}InvalidateCopilotToken"
REQUEST = pb.InvalidateCopilotTokenRequest(account="seat-1", token_id="id-1")


class FakeContext:
    """What a call is aborted with; like grpc.aio it holds the code as a number."""

    def __init__(self, remaining: float | None = None, gone: bool = False) -> None:
        self._gone = gone
        self.given: tuple[int, str] | None = None
        self.details = ""
        self._remaining = remaining

    def code(self) -> int | None:
        return self.given[0] if self.given is not None else None

    def time_remaining(self) -> float | None:
        return self._remaining

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        if self._gone:
            raise grpc.aio.InternalError("execute_batch")
        value: tuple[int, str] = code.value
        self.given = value
        self.details = details
        raise grpc.aio.AbortError

    async def abort_with_status(self, status: grpc.Status) -> None:
        await self.abort(status.code, status.details)


class Details:
    """What grpc.aio says of a call before its handler is known."""

    def __init__(self, path: str = PATH) -> None:
        self.method = path


class Boundary:
    """A boundary with what it reports to."""

    def __init__(self, caller: Caller | Exception = LOCAL_CALLER) -> None:
        self.events = FakeServiceEvents()
        self.audit = FakeAudit()
        clock = FakeClock()
        self.admission = Admission(nothing, FakeAuthenticator(caller), clock)
        warm = WarmAnswers(self.events, clock)
        self.made: Any = CallBoundary(
            self.events, self.events, clock, self.admission, self.audit, warm
        )

    async def handler(self, handler: Any, path: str = PATH) -> Any:
        """The handler as the boundary wraps it."""

        async def continuation(details: Any) -> Any:
            return handler

        return await self.made.intercept_service(continuation, Details(path))

    async def call(self, context: FakeContext, error: BaseException | None = None) -> Any:
        """One call of a method that ends so; its answer, None if there is none."""

        async def behaviour(request: Any, context: Any) -> str:
            if error is not None:
                raise error
            return "answer"

        handler = await self.handler(grpc.unary_unary_rpc_method_handler(behaviour))
        try:
            return await handler.unary_unary(REQUEST, context)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            return None


async def outcome(error: BaseException | None, context: FakeContext) -> FakeServiceEvents:
    boundary = Boundary()
    answer = await boundary.call(context, error)
    assert answer == ("answer" if error is None else None)
    return boundary.events


@pytest.mark.parametrize(
    ("error", "remaining", "code"),
    [
        (None, None, "OK"),
        (CredentialRejected("m"), None, "FAILED_PRECONDITION"),
        (TimeoutError(), 0.0, "DEADLINE_EXCEEDED"),
        (NotImplementedError(), None, "UNIMPLEMENTED"),
        (KeyError("secret"), None, "INTERNAL"),
        (asyncio.CancelledError(), 5.0, "CANCELLED"),
        (asyncio.CancelledError(), None, "CANCELLED"),
        (asyncio.CancelledError(), -0.1, "DEADLINE_EXCEEDED"),
        (asyncio.CancelledError(), 0.01, "DEADLINE_EXCEEDED"),
    ],
)
async def test_every_end_of_a_call_is_counted_by_its_code(
    error: BaseException | None, remaining: float | None, code: str
) -> None:
    events = await outcome(error, FakeContext(remaining))

    assert events.calls == [
        ("InvalidateCopilotToken", "started"),
        ("InvalidateCopilotToken", code),
    ]


async def test_a_caller_that_is_gone_when_its_time_is_up() -> None:
    """Its deadline passed here and there at once, so that the status cannot be sent any more."""
    events = await outcome(TimeoutError(), FakeContext(0.0, gone=True))

    assert events.calls[-1] == ("InvalidateCopilotToken", "DEADLINE_EXCEEDED")


async def test_a_bug_is_reported_and_hidden() -> None:
    context = FakeContext()
    events = await outcome(KeyError("secret"), context)

    assert "secret" not in context.details
    assert [type(bug) for bug in events.bugs] == [KeyError]


async def test_a_method_nobody_serves_is_not_counted() -> None:
    """Its name is the caller's: it would be a label without bounds."""
    boundary = Boundary()

    assert await boundary.handler(None) is None
    assert boundary.events.calls == []
    assert boundary.made._wrapped == {}


# --- who calls --------------------------------------------------------------------------------


async def test_a_method_runs_for_nobody_who_is_refused() -> None:
    boundary = Boundary(refused(Refusal.TOKEN_UNKNOWN))
    context = FakeContext()
    ran = AssertionError("the method ran")

    assert await boundary.call(context, ran) is None
    assert context.given == grpc.StatusCode.UNAUTHENTICATED.value
    assert boundary.events.turned_away == [Refusal.TOKEN_UNKNOWN]
    assert boundary.events.bugs == []
    assert boundary.audit.refusals == [
        ("", "InvalidateCopilotToken", "seat-1", "token_unknown"),
    ]


async def test_a_method_knows_its_caller_and_nobody_else_does() -> None:
    boundary = Boundary(Caller("ci", frozenset(), direct_allowed=False))

    async def behaviour(request: Any, context: Any) -> str:
        return caller_of(context).id

    async def in_a_task_of_its_own() -> Any:
        handler = await boundary.handler(grpc.unary_unary_rpc_method_handler(behaviour))
        return await handler.unary_unary(REQUEST, FakeContext())

    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(in_a_task_of_its_own())

    assert call.result() == "ci"
    with pytest.raises(LookupError):
        contextvars.Context().run(caller_of, FakeContext())


async def test_a_caller_over_its_rate_is_told_to_wait() -> None:
    limits = Limits(requests=Rate(per_second=1.0, burst=1.0))
    boundary = Boundary(Caller("ci", frozenset(), False, limits))
    first, second = FakeContext(), FakeContext()

    assert await boundary.call(first) == "answer"
    assert await boundary.call(second) is None
    assert second.given == grpc.StatusCode.RESOURCE_EXHAUSTED.value
    assert boundary.events.turned_away == [Refusal.RATE]
    assert boundary.audit.refusals == [("ci", "InvalidateCopilotToken", "seat-1", "rate")]


async def test_an_error_of_the_account_is_audited_by_its_reason() -> None:
    boundary = Boundary()
    await boundary.call(FakeContext(), AccountNotFound("m"))

    assert boundary.audit.refusals == [
        ("local", "InvalidateCopilotToken", "seat-1", "ACCOUNT_NOT_FOUND"),
    ]
    assert boundary.events.turned_away == []


async def test_an_answer_is_audited() -> None:
    boundary = Boundary()
    await boundary.call(FakeContext())

    assert boundary.audit.grants == [("local", "InvalidateCopilotToken", "seat-1", "id-1", 0)]


@pytest.mark.parametrize("service", OPEN)
async def test_probes_and_reflection_are_asked_nothing(service: str) -> None:
    boundary = Boundary(refused(Refusal.CREDENTIAL_MISSING))

    async def behaviour(request: Any, context: Any) -> str:
        return "serving"

    check: Any = grpc.unary_unary_rpc_method_handler(behaviour)
    watch: Any = grpc.stream_stream_rpc_method_handler(behaviour)
    wrapped = await boundary.handler(check, f"/{service}/Check")

    assert await wrapped.unary_unary(None, FakeContext()) == "serving"
    assert await boundary.handler(watch, f"/{service}/Watch") is watch
    assert boundary.events.calls == [("Check", "started"), ("Check", "OK")]


@pytest.mark.parametrize(
    "path",
    ["/grpc.health.v1.Health2/Check", "/x/grpc.health.v1.Health/Check", f"{SERVICE}Check"],
)
async def test_no_other_service_is_open(path: str) -> None:
    boundary = Boundary(refused(Refusal.CREDENTIAL_MISSING))

    async def behaviour(request: Any, context: Any) -> str:
        return "served"

    handler = await boundary.handler(grpc.unary_unary_rpc_method_handler(behaviour), path)
    with pytest.raises(grpc.aio.AbortError):
        await handler.unary_unary(None, FakeContext())


async def test_a_kind_of_method_that_cannot_be_guarded_is_not_served() -> None:
    async def behaviour(requests: Any, context: Any) -> str:
        return "served"

    handler: Any = grpc.stream_unary_rpc_method_handler(behaviour)

    assert await Boundary().handler(handler) is None


# --- streams ----------------------------------------------------------------------------------

WATCH = f"{SERVICE}WatchCopilotToken"


class Writing(FakeContext):
    """Takes what a stream writes."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[Any] = []

    async def write(self, message: Any) -> None:
        self.written.append(message)


async def watched(boundary: Boundary, hold: asyncio.Event | None = None) -> Any:
    async def behaviour(request: Any, context: Any) -> AsyncIterator[Any]:
        yield pb.WatchCopilotTokenResponse(token=pb.CopilotToken(account="seat-1", token_id="id-1"))
        yield pb.WatchCopilotTokenResponse(removed_account="seat-2")
        if hold is not None:
            await hold.wait()

    return await boundary.handler(grpc.unary_stream_rpc_method_handler(behaviour), WATCH)


async def test_a_stream_is_counted_and_each_of_its_tokens_audited() -> None:
    boundary, context = Boundary(), Writing()
    handler = await watched(boundary)
    await handler.unary_stream(pb.WatchCopilotTokenRequest(), context)

    assert len(context.written) == 2
    assert boundary.audit.grants == [("local", "WatchCopilotToken", "seat-1", "id-1", 0)]
    assert boundary.events.calls == [("WatchCopilotToken", "started"), ("WatchCopilotToken", "OK")]


async def test_a_callers_streams_are_counted_while_they_last() -> None:
    """A stream that is cut off makes room at once, not when the garbage is collected."""
    limits = Limits(streams=1)
    boundary = Boundary(Caller("ci", frozenset(), False, limits))
    hold = asyncio.Event()
    handler = await watched(boundary, hold)
    request = pb.WatchCopilotTokenRequest()
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(handler.unary_stream(request, Writing()))
        await asyncio.sleep(0)
        refused_one = Writing()
        with pytest.raises(grpc.aio.AbortError):
            await asyncio.wait_for(handler.unary_stream(request, refused_one), timeout=5)
        assert refused_one.given == grpc.StatusCode.RESOURCE_EXHAUSTED.value
        first.cancel()
        await asyncio.wait((first,))
        hold.set()
        third = Writing()
        await handler.unary_stream(request, third)

    assert len(third.written) == 2
    assert boundary.events.turned_away == [Refusal.STREAMS]
    assert ("WatchCopilotToken", "CANCELLED") in boundary.events.calls


async def test_a_stream_of_nobody_is_refused() -> None:
    boundary, context = Boundary(refused(Refusal.TOKEN_EXPIRED)), Writing()
    handler = await watched(boundary)
    with pytest.raises(grpc.aio.AbortError):
        await handler.unary_stream(pb.WatchCopilotTokenRequest(), context)

    assert context.given == grpc.StatusCode.UNAUTHENTICATED.value
    assert context.written == []
