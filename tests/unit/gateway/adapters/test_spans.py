"""From a request and its attempts to spans: which, with what on them, and what never is."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from gateway.adapters.spans import RequestSpan, RequestSpans
from gateway.domain.errors import Fault
from gateway.domain.initiator import BY_DEFAULT
from gateway.domain.stream_ends import StreamEnd
from gateway.domain.usage.spent import Spent
from gateway.domain.usage.tokens import Tokens
from gateway.ports.exchange import Exchange
from gateway.ports.upstream import UpstreamRequest
from tests.fakes.spans import KeptSpans, id_of, parent_of, traceparent_of, values_of

ROUTE = "/v1/chat/completions"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
REQUEST = UpstreamRequest(
    "POST",
    "https://api.example.com:8443/chat/completions?canary=1",
    {"Authorization": "Bearer canary", "X-Request-Id": "attempt"},
    b"canary",
)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[KeptSpans]:
    made = KeptSpans(monkeypatch)
    yield made
    made.ended()


def an_exchange(**fields: Any) -> Exchange:
    usual: dict[str, Any] = {
        "key": "canary-key",
        "caller_request_id": "canary-id",
        "group": "team",
        "platform": "copilot",
        "model": "fast",
        "served_model": "gpt-4o",
        "account": "seat-1",
        "upstream_protocol": "chat",
        "attempts": 1,
        "status": 200,
        "verdict": BY_DEFAULT,
    }
    return Exchange("r-1", ROUTE, 0.0, **{**usual, **fields})


def begun(kept: KeptSpans, exchange: Exchange, traceparent: str | None = None) -> RequestSpan:
    return RequestSpans(kept.tracer).begin(exchange, "POST", traceparent)


def spend(exchange: Exchange, input: int, output: int) -> None:
    exchange.spent += Spent(Tokens(input=input, output=output))


def test_a_request_is_a_server_span_with_the_words_of_the_conventions(kept: KeptSpans) -> None:
    exchange = an_exchange(stream=True, stream_end=StreamEnd.COMPLETE.value)
    spend(exchange, 12, 3)
    begun(kept, exchange, f"00-{TRACE}-{PARENT}-01").end(exchange)
    (span,) = kept.ended()
    assert (span.name, span.kind.name) == (f"POST {ROUTE}", "SERVER")
    assert parent_of(span) == PARENT
    assert span.status.is_unset
    assert values_of(span) == {
        "http.request.method": "POST",
        "http.route": ROUTE,
        "http.response.status_code": 200,
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "github.copilot",
        "gen_ai.request.model": "fast",
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 3,
        "gateway.request_id": "r-1",
        "gateway.group": "team",
        "gateway.account": "seat-1",
        "gateway.attempts": 1,
        "gateway.stream": True,
        "gateway.stream_end": "complete",
        "gateway.initiator": "user",
    }


def test_each_attempt_is_a_client_span_and_is_what_upstream_is_told(kept: KeptSpans) -> None:
    exchange = an_exchange()
    trace = begun(kept, exchange)
    with trace.attempt(exchange, REQUEST) as sent:
        trace.answered(200)
    trace.end(exchange)
    attempt, server = kept.ended()
    assert (attempt.name, attempt.kind.name) == ("chat", "CLIENT")
    assert parent_of(attempt) == id_of(server)
    assert sent.headers == {**REQUEST.headers, "traceparent": traceparent_of(attempt)}
    assert (sent.method, sent.url, sent.body) == (REQUEST.method, REQUEST.url, REQUEST.body)
    assert "traceparent" not in REQUEST.headers
    assert values_of(attempt) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "github.copilot",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
        "gateway.account": "seat-1",
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "server.address": "api.example.com",
        "server.port": 8443,
    }


def test_an_attempt_has_its_own_tokens_and_the_request_all_of_them(kept: KeptSpans) -> None:
    exchange = an_exchange()
    trace = begun(kept, exchange)
    with trace.attempt(exchange, REQUEST):
        trace.answered(200)
        spend(exchange, 10, 1)
        trace.failed(Fault.UPSTREAM_TRUNCATED)
    with trace.attempt(exchange, REQUEST):
        trace.answered(503)
        trace.failed(Fault.UPSTREAM_UNAVAILABLE)
    with trace.attempt(exchange, REQUEST):
        trace.answered(200)
        spend(exchange, 20, 5)
    trace.end(exchange)
    *attempts, server = (values_of(each) for each in kept.ended())
    names = "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
    found = [tuple(each.get(name) for name in names) for each in (*attempts, server)]
    assert found == [(10, 1), (None, None), (20, 5), (30, 6)]
    assert [each.get("error.type") for each in attempts] == [
        "upstream_truncated",
        "upstream_unavailable",
        None,
    ]
    answered = ["gen_ai.response.model" in each for each in attempts]
    assert answered == [True, False, True]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"status": 404, "fault": "caller_model_unknown", "stream_end": ""}, None),
        ({"status": 429, "fault": "policy_budget"}, None),
        ({"status": 499}, None),
        ({"status": 200, "stream_end": "client_gone"}, None),
        ({"status": 503, "fault": "seat_no_access"}, "seat_no_access"),
        ({"status": 200, "fault": "upstream_idle", "stream_end": "idle"}, "upstream_idle"),
        ({"status": 500}, "500"),
    ],
)
def test_what_is_upstreams_or_ours_is_an_error_and_what_is_the_callers_is_none(
    kept: KeptSpans, fields: dict[str, Any], error: str | None
) -> None:
    exchange = an_exchange(**fields)
    begun(kept, exchange).end(exchange)
    (span,) = kept.ended()
    assert values_of(span).get("error.type") == error
    assert values_of(span).get("gateway.error") == (fields.get("fault") or None)
    assert (span.status.status_code.name == "ERROR") is (error is not None)


def test_a_cancelled_request_ends_its_attempt_too(kept: KeptSpans) -> None:
    exchange = an_exchange(status=499)
    trace = begun(kept, exchange)
    with suppress(GeneratorExit), trace.attempt(exchange, REQUEST):
        raise GeneratorExit
    trace.end(exchange)
    assert [span.kind.name for span in kept.ended()] == ["CLIENT", "SERVER"]


def test_what_is_no_attempt_any_more_is_not_blamed(kept: KeptSpans) -> None:
    """A token that cannot be had, after an attempt with another account."""
    exchange = an_exchange(status=503, fault="seat_no_access")
    trace = begun(kept, exchange)
    trace.failed(Fault.SEAT_NO_ACCESS)
    with trace.attempt(exchange, REQUEST):
        pass
    trace.failed(Fault.SEAT_NO_ACCESS)
    trace.answered(200)
    trace.end(exchange)
    attempt, server = kept.ended()
    assert not {"error.type", "http.response.status_code"} & values_of(attempt).keys()
    assert values_of(server)["error.type"] == "seat_no_access"


@pytest.mark.parametrize(
    ("protocol", "operation"),
    [("chat", "chat"), ("responses", "chat"), ("messages", "chat"), ("embeddings", "embeddings")],
)
def test_names_are_few(kept: KeptSpans, protocol: str, operation: str) -> None:
    exchange = an_exchange(upstream_protocol=protocol, model="m" * 500, served_model="n" * 500)
    trace = begun(kept, exchange)
    with trace.attempt(exchange, REQUEST):
        pass
    trace.end(exchange)
    attempt, server = kept.ended()
    assert (attempt.name, server.name) == (operation, f"POST {ROUTE}")
    assert values_of(server)["gen_ai.request.model"] == "m" * 100
    assert values_of(attempt)["gen_ai.request.model"] == "n" * 100


def test_no_key_no_body_no_query_and_no_header_is_on_a_span(kept: KeptSpans) -> None:
    exchange = an_exchange()
    trace = begun(kept, exchange, "canary")
    with suppress(ValueError), trace.attempt(exchange, REQUEST):
        raise ValueError("canary")
    trace.end(exchange)
    spans = kept.ended()
    assert len(spans) == 2
    for span in spans:
        assert "canary" not in span.to_json()


def test_what_asks_no_model_says_nothing_of_one(kept: KeptSpans) -> None:
    exchange = Exchange("r-1", "/v1/models", 0.0, group="team", status=200)
    begun(kept, exchange).end(exchange)
    (span,) = kept.ended()
    assert not [name for name in values_of(span) if name.startswith("gen_ai.")]
