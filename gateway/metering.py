"""USE CASE: sees to it that each inference request has exactly one usage record.

It is written down when the request begins, when it is sent upstream, and when it ends, before the
last of the answer goes out. Nothing here waits. Holds no content.
"""

from gateway.budgets import Budgets
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.initiator import Verdict
from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.outcomes import is_partial, outcome_of
from gateway.domain.usage.prices import Prices, estimate
from gateway.domain.usage.record import (
    MAX_MODEL_CHARACTERS,
    CreditsSource,
    Outcome,
    UsageRecord,
)
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.exchange import Exchange
from gateway.ports.usage import Journal, ShippingEvents

FULL_SECONDS = 10.0
"""Until a refused caller is to ask again."""


class Metering:
    """Writes down requests.

    refuses_when_full: whether a request is refused for which there is no room in the journal;
    else it is served and has no record.
    """

    def __init__(
        self,
        journal: Journal,
        budgets: Budgets,
        clock: Clock,
        events: GatewayEvents,
        shipping_events: ShippingEvents,
        *,
        refuses_when_full: bool,
    ) -> None:
        self._journal = journal
        self._budgets = budgets
        self._clock = clock
        self._events = events
        self._shipping_events = shipping_events
        self._refuses_when_full = refuses_when_full

    def begin(self, exchange: Exchange) -> None:
        """A key was accepted. Raises GatewayError (GATEWAY_JOURNAL_FULL)."""
        exchange.time = self._clock.now()
        if not self._journal.has_room:
            if self._refuses_when_full:
                raise GatewayError(
                    Fault.GATEWAY_JOURNAL_FULL,
                    "This replica cannot write down usage at the moment; try again.",
                    retry_after=FULL_SECONDS,
                )
            self._shipping_events.record_dropped()
            return
        exchange.is_metered = True
        # Values in the order of the fields, here and below: names cost several times as much.
        self._journal.begun(
            Begun(
                exchange.request_id,
                exchange.time,
                exchange.key,
                exchange.group,
                exchange.platform,
                exchange.route,
                exchange.caller_request_id,
            )
        )

    def send(self, exchange: Exchange) -> None:
        """A request goes upstream now."""
        exchange.attempts += 1
        if not exchange.is_metered:
            return
        initiator, rule = _words_of(exchange.verdict)
        self._journal.sent(
            Sent(
                exchange.request_id,
                exchange.account,
                exchange.served_by,
                exchange.platform,
                exchange.model[:MAX_MODEL_CHARACTERS],
                exchange.served_model[:MAX_MODEL_CHARACTERS],
                initiator,
                rule,
                exchange.stream,
                exchange.attempts,
                exchange.premium_multiplier,
            )
        )

    def end(
        self, exchange: Exchange, outcome: Outcome | None = None, live: Spent = NOTHING
    ) -> None:
        """The request's one record; what comes after the first call changes nothing.

        outcome: None takes it from how the exchange ended. live: what the answer has cost that is
        still being written, and is not part of `exchange.spent` yet.
        """
        if exchange.is_metered:
            exchange.is_metered = False
            record = self._record(exchange, outcome, live)
            self._journal.ended(record)
            self._settle(exchange, record)
        elif exchange.reservation is not None:
            # No room in the journal; the budget counts it all the same.
            self._settle(exchange, self._record(exchange, outcome, live))

    def _settle(self, exchange: Exchange, record: UsageRecord) -> None:
        reservation, exchange.reservation = exchange.reservation, None
        self._budgets.settle(reservation, record)
        self._events.recorded(record, exchange.is_listed)

    def _record(self, exchange: Exchange, outcome: Outcome | None, live: Spent) -> UsageRecord:
        seconds = self._clock.monotonic() - exchange.started
        how = outcome or outcome_of(exchange.stream_end, exchange.fault, exchange.status)
        spent = exchange.spent if live is NOTHING else exchange.spent + live
        return record_of(exchange, how, spent, seconds)


def record_of(exchange: Exchange, outcome: Outcome, spent: Spent, seconds: float) -> UsageRecord:
    """A request's record. spent: by all its attempts. seconds: since it began."""
    is_complete = outcome is Outcome.COMPLETE
    tokens = spent.tokens
    initiator, rule = _words_of(exchange.verdict)
    nano_aiu, source = _credits(spent, exchange.prices)
    return UsageRecord(
        exchange.request_id,
        exchange.time,
        exchange.key,
        exchange.group,
        exchange.route,
        outcome._value_,
        exchange.caller_request_id,
        exchange.served_by,
        exchange.account,
        exchange.platform,
        exchange.model[:MAX_MODEL_CHARACTERS],
        exchange.served_model[:MAX_MODEL_CHARACTERS],
        initiator,
        rule,
        exchange.stream,
        exchange.status or (200 if is_complete else 0),
        exchange.fault,
        is_partial(
            outcome,
            exchange.fault,
            exchange.attempts,
            is_cost_unknown=exchange.is_cost_unknown,
            is_cost_said=spent is not NOTHING,
        ),
        tokens.input,
        tokens.output,
        tokens.cached,
        tokens.cache_written,
        tokens.reasoning,
        nano_aiu,
        source._value_,
        exchange.premium_multiplier,
        exchange.attempts,
        exchange.first_byte_seconds,
        seconds,
    )


def _words_of(verdict: Verdict | None) -> tuple[str, str]:
    """The initiator and the rule that said so. `_value_`, as `value` of an enum is two calls."""
    if verdict is None:
        return "", ""
    return verdict.initiator._value_, verdict.rule._value_


def _credits(spent: Spent, prices: Prices | None) -> tuple[int | None, CreditsSource]:
    """What upstream says that it charges; only where it says nothing, what its prices come to."""
    if spent.nano_aiu is not None:
        return spent.nano_aiu, CreditsSource.UPSTREAM
    if prices is None or spent.tokens == NOTHING.tokens:
        return None, CreditsSource.NONE
    return estimate(prices, spent.tokens), CreditsSource.CATALOGUE
