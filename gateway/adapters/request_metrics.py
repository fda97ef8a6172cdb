"""Metrics of requests: how many, how they ended, how long they took.

What a request is counted in is looked up once for each kind of request and then known, since this
is in the path of every one.
"""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from gateway.adapters.label_bounds import OTHER, LabelBounds, Labels
from gateway.adapters.usage_metrics import (
    CHAT_OPERATION,
    EMBEDDINGS,
    LABELS,
    MOST_KINDS,
    PROVIDERS,
)
from gateway.domain.errors import Fault
from gateway.domain.stream_ends import StreamEnd
from gateway.ports.exchange import Exchange
from runtime.tallies import Number, Tally, TallyCounter, TallyGauge, TallyHistogram

REQUEST_BUCKETS = tuple(0.01 * 2**power for power in range(14))
FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60),
)
OVERHEAD_BUCKETS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
OPERATIONS = {EMBEDDINGS: EMBEDDINGS}


class _Counted:
    """What a kind of request is counted in: one more in each of `numbers`, its time in `duration`.

    duration: None for what is no inference. first_token: None where no stream has begun.
    """

    __slots__ = ("duration", "first_token", "numbers")

    def __init__(
        self, numbers: Sequence[Number], duration: Tally | None, first_token: Tally | None
    ) -> None:
        self.numbers = numbers
        self.duration = duration
        self.first_token = first_token


class RequestMetrics:
    """All of them, in a registry that others use too."""

    def __init__(self, registry: CollectorRegistry, bounds: LabelBounds) -> None:
        self._bounds = bounds
        self._kinds: dict[tuple[object, ...], _Counted] = {}
        self._groups: dict[str, Number] = {}
        """What is in flight, by group."""
        self._requests = TallyCounter(
            "gateway_requests", "Requests answered, by HTTP status.", ("route", "group", "code")
        )
        self._rejections = TallyCounter(
            "gateway_rejections",
            "Requests answered with an error, by its x-gateway-error.",
            ("reason",),
        )
        self._inflight = TallyGauge("gateway_inflight", "Requests being served.", ("group",))
        self._initiators = TallyCounter(
            "gateway_initiator",
            "Inference requests by who set them off, and the rule that said so.",
            ("group", "initiator", "rule"),
        )
        self._stream_ends = TallyCounter(
            "gateway_stream_ends", "Streams by how they ended.", ("reason",)
        )
        self._overheads = TallyHistogram(
            "gateway_overhead_seconds",
            "Time to the first byte of the answer, less the waits for others: the caller's body, a "
            "place, a token, upstream.",
            (),
            OVERHEAD_BUCKETS,
        )
        self._duration = TallyHistogram(
            "gen_ai_server_request_duration_seconds",
            "Time from the caller's headers to the end of the answer.",
            (*LABELS, "error_type"),
            REQUEST_BUCKETS,
        )
        self._first_token = TallyHistogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from the caller's headers to the first byte of a stream.",
            LABELS,
            FIRST_TOKEN_BUCKETS,
        )
        for family in (
            *(self._requests, self._rejections, self._inflight, self._initiators),
            *(self._stream_ends, self._overheads, self._duration, self._first_token),
        ):
            registry.register(family)
        self._overhead = self._overheads.of()
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """What an alert counts is there before it first happens: growth from nothing is none."""
        for fault in Fault:
            self._rejections.of(fault.value)
        for end in StreamEnd:
            self._stream_ends.of(end.value)

    def started(self, exchange: Exchange) -> None:
        """See ports.events.GatewayEvents.request_started."""
        self._in_flight(exchange.group).value += 1

    def ended(self, exchange: Exchange, seconds: float) -> None:
        """See ports.events.GatewayEvents.request_ended."""
        if exchange.group:
            self._in_flight(exchange.group).value -= 1
        kind = _kind_of(exchange)
        counted = self._kinds.get(kind) or self._remembered(kind, exchange)
        for number in counted.numbers:
            number.value += 1
        if counted.duration is None:
            return
        counted.duration.add(seconds)
        first = exchange.first_byte_seconds
        if first is not None:
            own = first - exchange.upstream_seconds - exchange.waited_seconds
            self._overhead.add(own if own > 0.0 else 0.0)
            if counted.first_token is not None:
                counted.first_token.add(first)

    def _in_flight(self, group: str) -> Number:
        number = self._groups.get(group)
        if number is None:
            labels = self._bounds.groups.of((group,))
            number = self._groups[group] = self._inflight.of(*labels)
        return number

    def _remembered(self, kind: tuple[object, ...], exchange: Exchange) -> _Counted:
        if len(self._kinds) >= MOST_KINDS:
            self._kinds.clear()
        counted = self._kinds[kind] = self._counted(exchange)
        return counted

    def _counted(self, exchange: Exchange) -> _Counted:
        labels = self._bounds.routes.of((exchange.route, exchange.group, str(exchange.status)))
        numbers = [self._requests.of(*self._bounds.codes.of(labels))]
        if exchange.fault:
            numbers.append(self._rejections.of(exchange.fault))
        verdict = exchange.verdict
        if verdict is None:
            return _Counted(numbers, None, None)
        labels = (exchange.group, verdict.initiator.value, verdict.rule.value)
        numbers.append(self._initiators.of(*self._bounds.rules.of(labels)))
        if exchange.stream_end:
            numbers.append(self._stream_ends.of(exchange.stream_end))
        is_begun = exchange.stream and exchange.first_byte_seconds is not None
        first_token = self._first_token.of(*self._model(exchange)) if is_begun else None
        return _Counted(numbers, self._duration.of(*self._model_and_error(exchange)), first_token)

    def _model(self, exchange: Exchange) -> Labels:
        operation, provider = _operation_and_provider(exchange)
        return self._bounds.model(operation, provider, exchange.served_model, exchange.is_listed)

    def _model_and_error(self, exchange: Exchange) -> Labels:
        if not exchange.fault:
            return (*self._model(exchange), "")
        # A model's failures are counted together: models times faults would be too many.
        operation, provider = _operation_and_provider(exchange)
        return self._bounds.errors.of((operation, provider, OTHER, exchange.fault))


def _operation_and_provider(exchange: Exchange) -> tuple[str, str]:
    operation = OPERATIONS.get(exchange.upstream_protocol, CHAT_OPERATION)
    return operation, PROVIDERS.get(exchange.platform, exchange.platform)


def _kind_of(exchange: Exchange) -> tuple[object, ...]:
    """All that `_counted` looks at. A model that a caller has made up is no part of it, whatever
    alias it fitted: the served one is upstream's."""
    verdict = exchange.verdict
    if verdict is None:
        return exchange.route, exchange.group, exchange.status, exchange.fault
    return (
        exchange.route,
        exchange.group,
        exchange.status,
        exchange.fault,
        # `_value_`, as `value` of an enum is two calls.
        verdict.initiator._value_,
        verdict.rule._value_,
        exchange.stream_end,
        exchange.platform,
        exchange.upstream_protocol,
        exchange.served_model if exchange.is_listed else None,
        exchange.stream and exchange.first_byte_seconds is not None,
    )
