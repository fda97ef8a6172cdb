"""GET /v1/usage: what the calling key has used, and what is left of its budgets and its rate."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.domain.budgets.period import Period, Span, span_at
from gateway.domain.budgets.standing import Standing
from gateway.domain.budgets.totals import NOTHING
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.usage.credits import NANO_AIU_PER_CREDIT
from gateway.domain.usage.report import Line, Question, TooManyLines
from gateway.ports.exchange import Exchange
from gateway.ports.usage import LedgerDown, Sums
from gateway.web.context import Caller, Context
from gateway.web.inbound import Inbound
from gateway.web.responses import Response, json_response

UNKEPT = {"Cache-Control": "no-store"}
LEDGER_SECONDS = 5.0
PERIODS = (Period.DAY.value, Period.MONTH.value)


async def get_usage(
    context: Context, request: Inbound, caller: Caller, exchange: Exchange
) -> Response:
    """The key's usage of this month or day, by model. Raises GatewayError."""
    span = span_at(_period(request), context.clock.now())
    try:
        async with asyncio.timeout(LEDGER_SECONDS):
            total, by_model = await _used(context.ledger, caller.key.id, span)
    except (LedgerDown, TimeoutError):
        raise GatewayError(
            Fault.GATEWAY_LEDGER,
            "The usage ledger does not answer at the moment; try again.",
            retry_after=LEDGER_SECONDS,
        ) from None
    standings = await context.budgets.standing(caller.key, caller.group)
    body = {
        "object": "usage",
        "key": caller.key.id,
        "group": caller.group.id,
        "period": _period_of(span),
        "total": _sums(total),
        "by_model": [{"model": line.values[0], **_sums([line])} for line in by_model],
        "budgets": [_standing(each) for each in standings if not _is_rate(each)],
        "rate": next((_rate(each) for each in standings if _is_rate(each)), None),
    }
    return json_response(body, UNKEPT)


async def _used(ledger: Sums, key_id: str, span: Span) -> tuple[Sequence[Line], Sequence[Line]]:
    """In all, and by model; the latter empty for a key that has named more than anybody reads."""
    try:
        lines = await ledger.report(Question(span.start, span.end, ("model",), key_id))
    except TooManyLines:
        return await ledger.report(Question(span.start, span.end, (), key_id)), ()
    return lines, lines


def _period(request: Inbound) -> Period:
    text = request.parameter("period")
    if text is None:
        return Period.MONTH
    if text not in PERIODS:
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED, "period must be 'day' or 'month'.", param="period"
        )
    return Period(text)


def _period_of(span: Span) -> dict[str, str]:
    return {"name": span.name, "start": _moment(span.start), "end": _moment(span.end)}


def _sums(lines: Sequence[Line]) -> dict[str, Any]:
    return {
        "requests": sum(line.requests for line in lines),
        "input_tokens": sum(line.input_tokens for line in lines),
        "cached_tokens": sum(line.cached_tokens for line in lines),
        "output_tokens": sum(line.output_tokens for line in lines),
        "reasoning_tokens": sum(line.reasoning_tokens for line in lines),
        "credits": _credits(sum(line.nano_aiu for line in lines)),
        "estimated_credits": _credits(sum(line.estimated_nano_aiu for line in lines)),
        "premium_requests": round(sum(line.premium_requests for line in lines), 6),
    }


def _is_rate(standing: Standing) -> bool:
    return standing.budget.period is Period.MINUTE


def _rate(standing: Standing) -> dict[str, Any]:
    """Of this minute, which is never unknown."""
    rate, used = standing.budget, standing.used or NOTHING
    return {
        "resets_at": _moment(standing.span.end),
        "requests": _measure(rate.requests, used.requests),
        "tokens": _measure(rate.tokens, used.tokens),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    budget, used = standing.budget, standing.used
    requests = used.requests if used is not None else None
    tokens = used.tokens if used is not None else None
    nano_aiu = used.nano_aiu if used is not None else None
    return {
        "holder": standing.holder.kind.value,
        "period": budget.period.value,
        "resets_at": _moment(standing.span.end),
        "shadow": budget.is_shadow,
        "requests": _measure(budget.requests, requests),
        "tokens": _measure(budget.tokens, tokens),
        "credits": _measure(_in_credits(budget.nano_aiu), _in_credits(nano_aiu)),
    }


def _measure(limit: float | None, used: float | None) -> dict[str, Any] | None:
    """None where the budget does not limit it; `used` and `remaining` null where nobody knows."""
    if limit is None:
        return None
    remaining = None if used is None else max(0, limit - used)
    return {"limit": limit, "used": used, "remaining": remaining}


def _in_credits(nano_aiu: int | None) -> float | None:
    return None if nano_aiu is None else _credits(nano_aiu)


def _credits(nano_aiu: int) -> float:
    return nano_aiu / NANO_AIU_PER_CREDIT


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
