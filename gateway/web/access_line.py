"""The lines of the log that name a request: what became of it, and where we failed.

One line for every request is written in the path of that request, so its fields are declared once
and encoded as they are.
"""

import logging
import traceback

from gateway.domain.errors import Fault
from gateway.ports.exchange import Exchange
from runtime import logs

MAX_MODEL_CHARACTERS = 100
"""Of a model's name, which is the caller's own text."""
GUESSING = Fault.POLICY_GUESSING.value

log = logging.getLogger("gateway.access")


class AccessLine(logs.Line, gc=False):
    """What is said of each request, in this order; what it has not is null."""

    request_id: str
    route: str
    status: int
    error: str | None
    key: str | None
    group: str | None
    account: str | None
    served_by: str | None
    tried: str | None
    model: str | None
    stream: bool
    stream_end: str | None
    initiator: str | None
    initiator_rule: str | None
    answer_bytes: int
    seconds: float


def write(exchange: Exchange, seconds: float) -> None:
    """A request has ended, that many seconds after it came."""
    # Of guesses the audit has a line an address and minute; one each would be a flood.
    if exchange.fault == GUESSING or not log.isEnabledFor(logging.INFO):
        return
    verdict = exchange.verdict
    # Values in the order of the fields: names cost several times as much.
    line = AccessLine(
        logs.now(),
        "info",
        log.name,
        "request",
        exchange.request_id,
        exchange.route,
        exchange.status,
        exchange.fault or None,
        exchange.key or None,
        exchange.group or None,
        exchange.account or None,
        exchange.served_by or None,
        _tried(exchange) if exchange.tried else None,
        exchange.model[:MAX_MODEL_CHARACTERS] or None,
        exchange.stream,
        exchange.stream_end or None,
        # `_value_`, as `value` of an enum is two calls.
        verdict.initiator._value_ if verdict is not None else None,
        verdict.rule._value_ if verdict is not None else None,
        exchange.answer_bytes,
        round(seconds, 4),
    )
    logs.write(log, line)


def write_defect(exchange: Exchange, error: Exception) -> None:
    """Where it happened, without the exception's text: that may quote what it was given."""
    log.error(
        "unexpected error",
        extra=logs.fields(
            request_id=exchange.request_id,
            kind=type(error).__name__,
            where="".join(traceback.format_tb(error.__traceback__)),
        ),
    )


def _tried(exchange: Exchange) -> str:
    return "; ".join(f"{one.account}: {one.fault.value}" for one in exchange.tried)
