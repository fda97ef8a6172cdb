"""What obtains a token, seen as a span: whose it was and how it ended, and never the token."""

import asyncio
from collections.abc import Iterator

import pytest

from runtime.tracing.tracer import Kind
from tests.fakes.spans import KeptSpans, id_of, parent_of, values_of
from tests.fakes.token_source import FakeTokenSource, grant
from token_service.adapters.sources.traced import TracedSource
from token_service.domain.credentials import Choice
from token_service.domain.errors import CredentialRejected
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId
from token_service.singleflight import SingleFlight

pytestmark = pytest.mark.anyio

SEAT = Account(AccountId("seat-1"), Choice.AUTO, Site("https://api.github.com"))


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptSpans]:
    made = KeptSpans(monkeypatch)
    yield made
    made.ended()


async def test_a_token_obtained_is_a_span_that_names_the_account(kept: KeptSpans) -> None:
    source = FakeTokenSource()
    source.script.append(grant("canary"))
    assert (await TracedSource(source, kept.tracer).obtain(SEAT)).value == "canary"
    (span,) = kept.ended()
    assert (span.name, span.kind.name) == ("obtain token", "CLIENT")
    assert values_of(span) == {"copilot.account": "seat-1"}
    assert "canary" not in span.to_json()


async def test_a_refusal_is_an_error_with_its_reason_alone(kept: KeptSpans) -> None:
    source = FakeTokenSource()
    source.script.append(CredentialRejected("canary"))
    with pytest.raises(CredentialRejected):
        await TracedSource(source, kept.tracer).obtain(SEAT)
    (span,) = kept.ended()
    assert values_of(span)["error.type"] == CredentialRejected("canary").reason
    assert "canary" not in span.to_json()


async def test_a_bug_is_an_error_too_and_is_not_quoted(kept: KeptSpans) -> None:
    source = FakeTokenSource()
    source.script.append(ValueError("canary"))
    with pytest.raises(ValueError, match="canary"):
        await TracedSource(source, kept.tracer).obtain(SEAT)
    (span,) = kept.ended()
    assert values_of(span)["error.type"] == "ValueError"
    assert "canary" not in span.to_json()


async def test_a_flight_shared_by_calls_is_in_the_trace_of_the_one_that_began_it(
    kept: KeptSpans,
) -> None:
    source = FakeTokenSource()
    source.hold()
    traced = TracedSource(source, kept.tracer)
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[AccountId, object] = SingleFlight(tasks)

        async def call(name: str) -> None:
            with kept.tracer.span(name, Kind.SERVER, ""):
                await asyncio.shield(flights.join(SEAT.id, lambda: traced.obtain(SEAT)))

        first = tasks.create_task(call("first"))
        while not source.calls:
            await asyncio.sleep(0)
        second = tasks.create_task(call("second"))
        await asyncio.sleep(0)
        source.release()
        await asyncio.gather(first, second)
    spans = {each.name: each for each in kept.ended()}
    assert set(spans) == {"first", "second", "obtain token"}
    assert parent_of(spans["obtain token"]) == id_of(spans["first"])
