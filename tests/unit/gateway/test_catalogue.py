"""The cached model list."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

import pytest

from gateway.catalogue import FRESH_SECONDS, KNOWING_SECONDS, PAUSE_SECONDS, Catalogue
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model
from gateway.domain.protocols import Protocol
from gateway.ports.upstream import UpstreamReply, UpstreamRequest
from tests.fakes.clock import FakeClock, settle
from tests.fakes.gateway_ports import FakeTokens
from tests.fakes.upstream import FakeReply, FakeUpstream

pytestmark = pytest.mark.anyio


@dataclass
class Upstream(FakeUpstream):
    replies: list[FakeReply]
    requests: list[UpstreamRequest] = field(default_factory=list)
    answers: asyncio.Event | None = None
    """Does not answer before that; None: at once."""
    bug: Exception | None = None

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        if self.answers is not None:
            await self.answers.wait()
        if self.bug is not None:
            raise self.bug
        return replace(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])


def listing(*ids: str) -> FakeReply:
    entries = ",".join(f'{{"id":"{each}"}}' for each in ids)
    return FakeReply(200, (f'{{"data":[{entries}]}}'.encode(),))


Made = tuple[Catalogue, Upstream, FakeClock]
Making = Callable[..., Awaitable[Made]]


@pytest.fixture
async def catalogue() -> AsyncIterator[Making]:
    """Catalogues whose upstream gives these answers, the last one again and again."""
    async with AsyncExitStack() as stack:

        async def make(*replies: FakeReply) -> Made:
            upstream, clock = Upstream(list(replies)), FakeClock()
            made = Catalogue(FakeTokens("https://up"), upstream, clock)
            await stack.enter_async_context(made.running())
            return made, upstream, clock

        yield make


async def ids(models: Catalogue) -> list[str]:
    return [model.id for model in await models.models("seat-1", "copilot")]


async def test_many_who_ask_at_once_cause_one_fetch(catalogue: Making) -> None:
    models, upstream, _ = await catalogue(listing("a"))
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ids(models)) for _ in range(20)]
    assert [task.result() for task in asked] == [["a"]] * 20
    assert [request.url for request in upstream.requests] == ["https://up/models"]


async def test_a_list_is_fetched_again_when_it_is_old(catalogue: Making) -> None:
    models, _, clock = await catalogue(listing("a"), listing("b"))
    assert await ids(models) == ["a"]
    await clock.advance(FRESH_SECONDS - 1)
    assert await ids(models) == ["a"]
    await clock.advance(1)
    assert await ids(models) == ["b"]


async def test_the_old_list_is_served_while_upstream_refuses_and_it_is_not_pestered(
    catalogue: Making,
) -> None:
    models, upstream, clock = await catalogue(listing("a"), FakeReply(429, (b"",)), listing("b"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    assert await ids(models) == ["a"]
    assert await ids(models) == ["a"]
    assert len(upstream.requests) == 2
    await clock.advance(PAUSE_SECONDS)
    assert await ids(models) == ["b"]


async def test_without_any_list_the_refusal_is_told(catalogue: Making) -> None:
    models, _, _ = await catalogue(FakeReply(403, (b"forbidden",)))
    with pytest.raises(GatewayError) as caught:
        await ids(models)
    assert caught.value.fault is Fault.SEAT_FORBIDDEN


async def test_without_a_list_upstream_is_asked_again_after_a_pause(catalogue: Making) -> None:
    models, upstream, clock = await catalogue(FakeReply(403, (b"forbidden",)), listing("a"))
    for _ in range(3):
        assert await models.model("seat-1", "copilot", "a") is None
    assert len(upstream.requests) == 1
    await clock.advance(PAUSE_SECONDS)
    found = await models.model("seat-1", "copilot", "a")
    assert found is not None
    assert found.endpoints == frozenset({Protocol.CHAT})
    assert await models.model("seat-1", "copilot", "b") is None


async def test_who_asks_while_an_old_list_is_fetched_again_gets_the_old_one(
    catalogue: Making,
) -> None:
    """One request waits; a burst does not."""
    models, upstream, clock = await catalogue(listing("a"), listing("b"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ids(models)) for _ in range(5)]
    assert sorted(task.result() for task in asked) == [["a"]] * 4 + [["b"]]
    assert len(upstream.requests) == 2


async def test_an_openai_platform_names_no_endpoints(catalogue: Making) -> None:
    models, _, _ = await catalogue(listing("a"))
    found = await models.model("azure", "openai", "a")
    assert found is not None
    assert found.endpoints is None


async def test_what_is_known_of_a_model_is_known_at_once(catalogue: Making) -> None:
    """Nothing is waited for, and no timer is set."""
    models, upstream, _ = await catalogue(listing("a"))
    await ids(models)
    for model_id in ("a", "b"):
        assert (at_once(models, model_id) is not None) is (model_id == "a")
    assert len(upstream.requests) == 1


async def test_no_request_waits_for_a_list_that_only_is_old(catalogue: Making) -> None:
    """It is fetched again all the same, once."""
    models, upstream, clock = await catalogue(listing("a"), listing("a", "b"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    for _ in range(3):
        assert at_once(models, "a") is not None
    assert at_once(models, "b") is None
    await settle()
    assert at_once(models, "b") is not None
    assert len(upstream.requests) == 2


async def test_an_upstream_that_hangs_holds_up_those_who_ask_first_and_nobody_after_them(
    catalogue: Making,
) -> None:
    models, upstream, clock = await catalogue(listing("a"))
    upstream.answers = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(models.model("seat-1", "copilot", "a"))
        await settle()
        await clock.advance(KNOWING_SECONDS)
        assert at_once(models, "a") is None
        upstream.answers.set()
    assert first.result() is not None
    assert len(upstream.requests) == 1


async def test_a_fetch_that_takes_too_long_is_given_up(
    catalogue: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, upstream, _ = await catalogue(listing("a"))
    upstream.answers = asyncio.Event()
    monkeypatch.setattr("gateway.catalogue.FETCH_SECONDS", 0.0)
    with pytest.raises(GatewayError) as caught:
        await ids(models)
    assert caught.value.fault is Fault.UPSTREAM_TIMEOUT


async def test_who_leaves_does_not_end_the_fetch_that_others_wait_for(catalogue: Making) -> None:
    models, upstream, _ = await catalogue(listing("a"))
    upstream.answers = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(models.model("seat-1", "copilot", "a"))
        staying = group.create_task(ids(models))
        await settle()
        leaving.cancel()
        await settle()
        upstream.answers.set()
    assert staying.result() == ["a"]
    assert len(upstream.requests) == 1


async def test_a_bug_is_told_and_ends_nothing_else(catalogue: Making) -> None:
    models, upstream, clock = await catalogue(listing("a"))
    upstream.bug = ZeroDivisionError()
    for asked in (ids(models), models.model("seat-1", "copilot", "a")):
        with pytest.raises(ZeroDivisionError):
            await asked
        await clock.advance(PAUSE_SECONDS)
    upstream.bug = None
    assert await ids(models) == ["a"]


async def test_an_error_that_is_told_again_and_again_keeps_nothing_of_who_was_told(
    catalogue: Making,
) -> None:
    models, _, _ = await catalogue(FakeReply(403, (b"forbidden",)))
    depths = []
    for _ in range(20):
        with pytest.raises(GatewayError) as caught:
            await ids(models)
        depths.append(len(caught.traceback))
    assert depths[1:] == depths[:1] * 19


async def test_an_old_list_is_told_soon_where_upstream_hangs(
    catalogue: Making, monkeypatch: pytest.MonkeyPatch
) -> None:
    models, upstream, clock = await catalogue(listing("a"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    upstream.answers = asyncio.Event()
    monkeypatch.setattr("gateway.catalogue.KNOWING_SECONDS", 0.01)
    async with asyncio.timeout(5):
        assert await ids(models) == ["a"]
    upstream.answers.set()


async def test_a_fetch_under_way_does_not_outlast_its_catalogue() -> None:
    upstream = Upstream([listing("a")], answers=asyncio.Event())
    models = Catalogue(FakeTokens("https://up"), upstream, FakeClock())
    async with asyncio.timeout(5), asyncio.TaskGroup() as group, models.running():
        asked = group.create_task(models.model("seat-1", "copilot", "a"))
        await settle()
        asked.cancel()
    assert len(upstream.requests) == 1


def at_once(models: Catalogue, model_id: str) -> Model | None:
    """What is known without waiting for anything."""
    with pytest.raises(StopIteration) as said:
        models.model("seat-1", "copilot", model_id).send(None)
    found = said.value.value
    assert found is None or isinstance(found, Model)
    return found
