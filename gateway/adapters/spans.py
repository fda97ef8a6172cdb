"""The Tracing port: a request's span and one for each attempt upstream, in OpenTelemetry's words.

Attributes are those of the GenAI and HTTP conventions where these have one, else `gateway.*`. Each
is a name of the configuration or the catalogue, a number, or a word of a closed list; the model is
the one text of the caller's, as in the access log.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from gateway.adapters.usage_metrics import CHAT_OPERATION, EMBEDDINGS, PROVIDERS
from gateway.domain.errors import Fault
from gateway.domain.usage.tokens import Tokens
from gateway.ports.exchange import Exchange
from gateway.ports.upstream import UpstreamRequest
from runtime.tracing.tracer import TRACEPARENT, Kind, Span, Tracer, Value

MOST_MODEL_CHARACTERS = 100
"""As in the access log: a model's name is the caller's."""
NO_TOKENS = Tokens()
OK = 200
SERVER_ERRORS = 500


class RequestSpan:
    """The RequestTrace port."""

    def __init__(self, tracer: Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._attempt: Span | None = None
        self._asked_for = ""

    @contextmanager
    def attempt(self, exchange: Exchange, request: UpstreamRequest) -> Iterator[UpstreamRequest]:
        """See ports.exchange.RequestTrace."""
        with self._tracer.span(operation_of(exchange), Kind.CLIENT) as span:
            self._attempt = span
            self._asked_for = exchange.served_model
            before = exchange.spent.tokens
            span.set(_of_attempt(exchange, request))
            try:
                headers = {**request.headers, TRACEPARENT: span.traceparent}
                yield UpstreamRequest(request.method, request.url, headers, request.body)
            finally:
                # What the request has cost by now, less what it had cost before this attempt.
                span.set(_of_tokens(exchange.spent.tokens, before))
                self._attempt = None

    def answered(self, status: int) -> None:
        """See ports.exchange.RequestTrace."""
        if self._attempt is not None:
            self._attempt.set({"http.response.status_code": status})
            if status == OK:
                self._attempt.set({"gen_ai.response.model": _name(self._asked_for)})

    def failed(self, fault: Fault) -> None:
        """See ports.exchange.RequestTrace."""
        if self._attempt is not None:
            self._attempt.failed(fault.value)

    def end(self, exchange: Exchange) -> None:
        """See ports.exchange.RequestTrace."""
        self._span.set(_of_request(exchange))
        if exchange.model:
            self._span.set(_of_model(exchange, exchange.model))
            self._span.set(_of_tokens(exchange.spent.tokens))
            if exchange.status == OK:
                self._span.set({"gen_ai.response.model": _name(exchange.served_model)})
        if exchange.status >= SERVER_ERRORS or (exchange.fault and exchange.stream_end):
            self._span.failed(exchange.fault or str(exchange.status))
        self._span.end()


class RequestSpans:
    """The Tracing port."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def begin(self, exchange: Exchange, method: str, traceparent: str | None) -> RequestSpan:
        """See ports.exchange.Tracing."""
        name = f"{method} {exchange.route}"
        span = self._tracer.begin(name, Kind.SERVER, traceparent or "")
        span.set({"http.request.method": method, "http.route": exchange.route})
        span.activate()
        return RequestSpan(self._tracer, span)


def operation_of(exchange: Exchange) -> str:
    """OpenTelemetry's word for what is asked of a model."""
    return EMBEDDINGS if exchange.upstream_protocol == EMBEDDINGS else CHAT_OPERATION


def _name(model: str) -> str | None:
    return model[:MOST_MODEL_CHARACTERS] or None


def _of_model(exchange: Exchange, model: str) -> Mapping[str, Value | None]:
    return {
        "gen_ai.operation.name": operation_of(exchange),
        "gen_ai.provider.name": PROVIDERS.get(exchange.platform, exchange.platform) or None,
        "gen_ai.request.model": _name(model),
    }


def _of_tokens(spent: Tokens, before: Tokens = NO_TOKENS) -> Mapping[str, Value | None]:
    return {
        "gen_ai.usage.input_tokens": spent.input - before.input or None,
        "gen_ai.usage.output_tokens": spent.output - before.output or None,
    }


def _of_attempt(exchange: Exchange, request: UpstreamRequest) -> Mapping[str, Value | None]:
    url = urlsplit(request.url)
    return {
        **_of_model(exchange, exchange.served_model),
        "gateway.account": exchange.account,
        "http.request.method": request.method,
        # The host alone: paths and queries are upstream's business.
        "server.address": url.hostname,
        "server.port": url.port,
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
        "gateway.error": exchange.fault or None,
        "gateway.initiator": verdict.initiator.value if verdict is not None else None,
    }
