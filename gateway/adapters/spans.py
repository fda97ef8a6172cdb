"""The Tracing port: a request's span and one for each attempt upstream, in OpenTelemetry's words.

Attributes are those of the GenAI and HTTP conventions where these have one, else `gateway.*`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from gateway.adapters.usage_metrics import CHAT_OPERATION, EMBEDDINGS, PROVIDERS
from gateway.domain.errors import Fault
from gateway.ports import Exchange, UpstreamRequest
from runtime.tracing.tracer import TRACEPARENT, Kind, Span, Tracer, Value

MOST_MODEL_CHARACTERS = 100
"""As in the access log: a model's name is the caller's."""
SERVER_ERRORS = 500


class RequestSpan:
    """The RequestTrace port."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._attempt: Span | None = None

    @contextmanager
    def attempt(self, exchange: Exchange, request: UpstreamRequest) -> Iterator[UpstreamRequest]:
        """See ports.RequestTrace."""
        with self._tracer.span(operation_of(exchange), Kind.CLIENT) as span:
            self._attempt = span
            span.set({**_of_model(exchange), "gateway.account": exchange.account})
            headers = {**request.headers, TRACEPARENT: span.traceparent}
            yield replace(request, headers=headers)

    def answered(self, status: int) -> None:
        """See ports.RequestTrace."""
        if self._attempt is not None:
            self._attempt.set({"http.response.status_code": status})

    def failed(self, fault: Fault) -> None:
        """See ports.RequestTrace."""
        if self._attempt is not None:
            self._attempt.failed(fault.value)

    def end(self, exchange: Exchange) -> None:
        """See ports.RequestTrace."""
        self._span.set(_of_request(exchange))
        if exchange.model:
            self._span.set(_of_model(exchange))
        if exchange.fault:
            self._span.set({"gateway.error": exchange.fault})
        if exchange.status >= SERVER_ERRORS or (exchange.fault and exchange.stream_end):
            self._span.failed(exchange.fault or str(exchange.status))
        self._span.end()


class RequestSpans:
    """The Tracing port."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, exchange: Exchange, method: str, traceparent: str | None) -> RequestSpan:
        """See ports.Tracing."""
        name = f"{method} {exchange.route}"
        span = self._tracer.begin(name, Kind.SERVER, traceparent or "")
        span.set({"http.request.method": method, "http.route": exchange.route})
        span.activate()
        return RequestSpan(self._tracer, span)


def operation_of(exchange: Exchange) -> str:
    """OpenTelemetry's word for what is asked of a model."""
    return EMBEDDINGS if exchange.upstream_protocol == EMBEDDINGS else CHAT_OPERATION


def _of_model(exchange: Exchange) -> Mapping[str, Value | None]:
    tokens = exchange.spent.tokens
    return {
        "gen_ai.operation.name": operation_of(exchange),
        "gen_ai.provider.name": PROVIDERS.get(exchange.platform, exchange.platform) or None,
        "gen_ai.request.model": exchange.model[:MOST_MODEL_CHARACTERS] or None,
        "gen_ai.response.model": exchange.served_model[:MOST_MODEL_CHARACTERS] or None,
        "gen_ai.usage.input_tokens": tokens.input or None,
        "gen_ai.usage.output_tokens": tokens.output or None,
    }


def _of_request(exchange: Exchange) -> Mapping[str, Value | None]:
    verdict = exchange.verdict
    return {
        "http.response.status_code": exchange.status,
        "gateway.request_id": exchange.request_id,
        "gateway.group": exchange.group or None,
        "gateway.account": exchange.account or None,
        "gateway.attempts": exchange.attempts or None,
        "gateway.stream": exchange.stream,
        "gateway.stream_end": exchange.stream_end or None,
        "gateway.initiator": verdict.initiator.value if verdict is not None else None,
    }
