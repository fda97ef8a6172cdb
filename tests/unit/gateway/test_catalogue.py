"""The cached model list."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from gateway.catalogue import FRESH_SECONDS, PAUSE_SECONDS, Catalogue
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.ports.upstream import UpstreamReply, UpstreamRequest
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import FakeTokens
from tests.fakes.upstream import FakeReply, FakeUpstream

pytestmark = pytest.mark.anyio


@dataclass
class Upstream(FakeUpstream):
    replies: list[FakeReply]
    requests: list[UpstreamRequest] = field(default_factory=list)

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        self.requests.append(request)
        await asyncio.sleep(0)
        return replace(self.replies.pop(0) if len(self.replies) > 1 else self.replies[0])


def listing(*ids: str) -> FakeReply:
    entries = ",".join(f'{{"id":"{each}"}}' for each in ids)
    return FakeReply(200, (f'{{"data":[{entries}]}}'.encode(),))


def catalogue(*replies: FakeReply) -> tuple[Catalogue, Upstream, FakeClock]:
    upstream, clock = Upstream(list(replies)), FakeClock()
    return Catalogue(FakeTokens("https://up"), upstream, clock), upstream, clock


async def ids(models: Catalogue) -> list[str]:
    return [model.id for model in await models.models("seat-1", "copilot")]


async def test_many_who_ask_at_once_cause_one_fetch() -> None:
    models, upstream, _ = catalogue(listing("a"))
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ids(models)) for _ in range(20)]
    assert [task.result() for task in asked] == [["a"]] * 20
    assert [request.url for request in upstream.requests] == ["https://up/models"]


async def test_a_list_is_fetched_again_when_it_is_old() -> None:
    models, _, clock = catalogue(listing("a"), listing("b"))
    assert await ids(models) == ["a"]
    await clock.advance(FRESH_SECONDS - 1)
    assert await ids(models) == ["a"]
    await clock.advance(1)
    assert await ids(models) == ["b"]


async def test_the_old_list_is_served_while_upstream_refuses_and_it_is_not_pestered() -> None:
    models, upstream, clock = catalogue(listing("a"), FakeReply(429, (b"",)), listing("b"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    assert await ids(models) == ["a"]
    assert await ids(models) == ["a"]
    assert len(upstream.requests) == 2
    await clock.advance(PAUSE_SECONDS)
    assert await ids(models) == ["b"]


async def test_without_any_list_the_refusal_is_told() -> None:
    models, _, _ = catalogue(FakeReply(403, (b"forbidden",)))
    with pytest.raises(GatewayError) as caught:
        await ids(models)
    assert caught.value.fault is Fault.SEAT_FORBIDDEN


async def test_without_a_list_upstream_is_asked_again_after_a_pause() -> None:
    models, upstream, clock = catalogue(FakeReply(403, (b"forbidden",)), listing("a"))
    for _ in range(3):
        assert await models.model("seat-1", "copilot", "a") is None
    assert len(upstream.requests) == 1
    await clock.advance(PAUSE_SECONDS)
    found = await models.model("seat-1", "copilot", "a")
    assert found is not None
    assert found.endpoints == frozenset({Protocol.CHAT})
    assert await models.model("seat-1", "copilot", "b") is None


async def test_who_asks_while_an_old_list_is_fetched_again_gets_the_old_one() -> None:
    """One request waits; a burst does not."""
    models, upstream, clock = catalogue(listing("a"), listing("b"))
    await ids(models)
    await clock.advance(FRESH_SECONDS)
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(ids(models)) for _ in range(5)]
    assert sorted(task.result() for task in asked) == [["a"]] * 4 + [["b"]]
    assert len(upstream.requests) == 2


async def test_an_openai_platform_names_no_endpoints() -> None:
    models, _, _ = catalogue(listing("a"))
    found = await models.model("azure", "openai", "a")
    assert found is not None
    assert found.endpoints is None


def test_what_is_known_of_a_model_is_known_at_once() -> None:
    """Without a loop there is nothing to wait for, and no timer."""
    models, upstream, _ = catalogue(listing("a"))
    asyncio.run(ids(models))
    for model_id in ("a", "b"):
        with pytest.raises(StopIteration) as said:
            models.model("seat-1", "copilot", model_id).send(None)
        assert (said.value.value is not None) is (model_id == "a")
    assert len(upstream.requests) == 1
