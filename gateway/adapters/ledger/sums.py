"""Sums over the records, as the database makes them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Engine,
    Row,
    Select,
    Text,
    and_,
    case,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.usage.record import UNANSWERED, CreditsSource
from gateway.domain.usage.report import MOST_LINES, WORDS, Line, Question, TooManyLines
from gateway.ports.usage import Spending

records = usage_records.c
COUNTS = (
    *("requests", "partial", "input_tokens", "cached_tokens", "cache_write_tokens"),
    *("output_tokens", "reasoning_tokens", "nano_aiu", "estimated_nano_aiu"),
)

# As UsageRecord.is_counted says it.
is_counted = and_(
    records.attempts > 0,
    records.outcome.not_in(sorted(outcome.value for outcome in UNANSWERED)),
)


class utc_day(GenericFunction[str]):
    """A time's day in UTC, such as 2026-11-25."""

    type = Text()
    inherit_cache = True


@compiles(utc_day, "sqlite")
def _sqlite_day(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    return f"substr({compiler.process(element.clauses, **options)}, 1, 10)"


@compiles(utc_day, "postgresql")
def _postgresql_day(element: utc_day, compiler: SQLCompiler, **options: Any) -> str:
    time = compiler.process(element.clauses, **options)
    return f"to_char({time} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


def spending(
    engine: Engine, column: ColumnElement[str], holder: str, since: float, until: float
) -> Spending:
    """What the records have used of a budget that have this holder in the column."""
    query = select(
        func.count().filter(is_counted),
        _sum(records.input_tokens + records.output_tokens),
        _sum(records.nano_aiu),
    ).where(column == holder, *_within(since, until))
    with engine.connect() as connection:
        requests, tokens, nano_aiu = connection.execute(query).one()
    return Spending(int(requests), int(tokens), int(nano_aiu))


def report(engine: Engine, question: Question) -> Sequence[Line]:
    """The lines, in the order of their values. Raises TooManyLines."""
    with engine.connect() as connection:
        rows = connection.execute(_query(question)).all()
    if len(rows) > MOST_LINES:
        raise TooManyLines
    return [_line(row, len(question.by)) for row in rows]


def _query(question: Question) -> Select[*tuple[Any, ...]]:
    by = [_expression(word) for word in question.by]
    estimated = case((records.credits_source == CreditsSource.CATALOGUE.value, records.nano_aiu))
    is_paid = and_(is_counted, records.initiator == "user")
    query = select(
        *by,
        func.count(),
        func.count().filter(records.is_partial),
        _sum(records.input_tokens),
        _sum(records.cached_tokens),
        _sum(records.cache_write_tokens),
        _sum(records.output_tokens),
        _sum(records.reasoning_tokens),
        _sum(records.nano_aiu),
        _sum(estimated),
        _sum(case((is_paid, records.premium_multiplier))),
    ).where(*_within(question.since, question.until))
    for column, value in ((records.key_id, question.key_id), (records.group_id, question.group_id)):
        if value is not None:
            query = query.where(column == value)
    return query.group_by(*by).limit(MOST_LINES + 1)


def _expression(word: str) -> ColumnElement[str]:
    field, characters = WORDS[word]
    if characters is None:
        return records[field]
    return func.substr(utc_day(records[field]), 1, characters).label(word)


def _within(since: float, until: float) -> tuple[ColumnElement[bool], ...]:
    return (records.time >= moment(since), records.time < moment(until))


def _sum(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column), 0)


def _line(row: Row[Any], by: int) -> Line:
    # PostgreSQL's sums of whole numbers are decimals.
    counts = {name: int(value) for name, value in zip(COUNTS, row[by:-1], strict=True)}
    return Line(values=tuple(row[:by]), premium_requests=float(row[-1]), **counts)
