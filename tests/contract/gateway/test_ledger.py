"""The contract of the Ledger port: on SQLite and on PostgreSQL."""

import itertools
from collections.abc import AsyncIterator, Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.adapters.ledger.engine import open_engine
from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.usage.record import Outcome, UsageRecord
from gateway.domain.usage.report import WORDS, Line, Question, TooManyLines
from gateway.domain.usage.schema import Schema
from gateway.ports.usage import Ledger, Spending
from tests.fakes.ledger_records import DAY, NOON, a_record
from tests.servers.postgres_server import PostgresServer

pytestmark = pytest.mark.anyio

ALWAYS = (NOON - 1000 * DAY, NOON + 1000 * DAY)
NOTHING = Spending()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/usage.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()


@pytest.fixture
async def ledger(url: str) -> AsyncIterator[SqlLedger]:
    made = SqlLedger(url)
    assert await made.upgrade() is Schema.UPGRADED
    yield made
    await made.close()


def rows_of(url: str) -> list[dict[str, Any]]:
    """All of the table, as it is there."""
    engine = open_engine(url)
    with engine.connect() as connection:
        rows = connection.execute(select(usage_records).order_by("request_id")).mappings().all()
    engine.dispose()
    return [dict(row) for row in rows]


async def total(ledger: Ledger, **bounds: Any) -> Line:
    (line,) = await ledger.report(question(**bounds))
    return line


def question(*by: str, **changes: Any) -> Question:
    return Question(**{"since": ALWAYS[0], "until": ALWAYS[1], "by": by, **changes})


# --- adding -----------------------------------------------------------------------------------


async def test_a_record_is_kept_field_by_field(ledger: SqlLedger, url: str) -> None:
    record = a_record(time=NOON + 0.123456, is_partial=True, caller_request_id="theirs")
    await ledger.add([record])

    (row,) = rows_of(url)
    time = row.pop("time")
    # SQLite's times are UTC's, and do not say so.
    assert (time if time.tzinfo else time.replace(tzinfo=UTC)) == moment(record.time)
    expected = msgspec.structs.asdict(record)
    expected.pop("time")
    assert row == expected


async def test_what_is_not_known_is_null(ledger: SqlLedger, url: str) -> None:
    await ledger.add([a_record(nano_aiu=None, premium_multiplier=None, first_byte_seconds=None)])

    (row,) = rows_of(url)
    assert row["nano_aiu"] is row["premium_multiplier"] is row["first_byte_seconds"] is None


async def test_a_record_that_is_there_stays_as_it_is(ledger: SqlLedger, url: str) -> None:
    record = a_record(outcome="complete")
    again = msgspec.structs.replace(record, outcome="crashed")
    await ledger.add([record])
    await ledger.add([again, a_record()])

    assert [row["outcome"] for row in rows_of(url)] == ["complete", "complete"]
    assert ledger.refused == 0


async def test_of_two_in_one_batch_the_first_is_kept(ledger: SqlLedger, url: str) -> None:
    record = a_record(outcome="complete")
    await ledger.add([record, msgspec.structs.replace(record, outcome="crashed")])

    assert [row["outcome"] for row in rows_of(url)] == ["complete"]


@pytest.mark.parametrize("count", [199, 200, 401, 1_001])
async def test_of_a_batch_of_any_size_what_is_not_there_is_kept(
    ledger: SqlLedger, url: str, count: int
) -> None:
    records = [a_record(outcome="complete") for _ in range(count)]
    await ledger.add(records[5::50])
    await ledger.add([msgspec.structs.replace(each, outcome="crashed") for each in records])

    outcomes = {row["request_id"]: row["outcome"] for row in rows_of(url)}
    assert set(outcomes) == {each.request_id for each in records}
    assert {outcomes[each.request_id] for each in records[5::50]} == {"complete"}
    assert list(outcomes.values()).count("crashed") == count - len(records[5::50])
    assert ledger.refused == 0


async def test_what_a_record_does_not_say_is_kept_as_it_is_meant(
    ledger: SqlLedger, url: str
) -> None:
    record = UsageRecord(
        request_id="r", time=NOON, key_id="k", group_id="g", endpoint="e", outcome="refused"
    )
    await ledger.add([record])

    (row,) = rows_of(url)
    said = msgspec.structs.asdict(record)
    assert {**row, "time": NOON} == said


@pytest.mark.parametrize("part", [0.0, 0.000_001, 0.123_456, 0.5, 0.999_999, 0.999_999_8])
async def test_times_are_kept_to_the_microsecond(ledger: SqlLedger, url: str, part: float) -> None:
    await ledger.add([a_record(time=NOON + part)])

    (row,) = rows_of(url)
    time = row["time"]
    assert (time if time.tzinfo else time.replace(tzinfo=UTC)) == moment(NOON + part)


async def test_no_records_are_no_trouble(ledger: SqlLedger, url: str) -> None:
    await ledger.add([])

    assert rows_of(url) == []


@pytest.mark.parametrize("bad", ["a\0b", "\ud800", "\ud83d\0"])
async def test_text_no_database_keeps_is_replaced(ledger: SqlLedger, url: str, bad: str) -> None:
    await ledger.add([a_record(requested_model=bad), a_record(requested_model="größe 🙂")])

    replaced = {"a\0b": "a\ufffdb", "\ud800": "\ufffd", "\ud83d\0": "\ufffd\ufffd"}[bad]
    assert {row["requested_model"] for row in rows_of(url)} == {replaced, "größe 🙂"}
    assert ledger.refused == 0


@pytest.mark.parametrize(
    "bad", [{"input_tokens": 2**70}, {"nano_aiu": 2**63}, {"time": float("nan")}, {"time": 1e20}]
)
async def test_a_record_no_database_takes_keeps_no_other_one_out(
    ledger: SqlLedger, url: str, bad: dict[str, Any]
) -> None:
    good = [a_record() for _ in range(20)]
    await ledger.add([*good[:7], a_record(**bad), *good[7:19], a_record(**bad), good[19]])

    assert {row["request_id"] for row in rows_of(url)} == {each.request_id for each in good}
    assert ledger.refused == 2


async def test_a_batch_of_nothing_but_bad_ones_is_refused(ledger: SqlLedger, url: str) -> None:
    await ledger.add([a_record(nano_aiu=2**63) for _ in range(33)])

    assert rows_of(url) == []
    assert ledger.refused == 33


# --- budgets ----------------------------------------------------------------------------------


async def test_nothing_was_spent_at_first(ledger: SqlLedger) -> None:
    assert await ledger.key_spending("ci-bot", *ALWAYS) == NOTHING
    assert await ledger.group_spending("engineering", *ALWAYS) == NOTHING


async def test_a_budget_is_its_holders_alone(ledger: SqlLedger) -> None:
    await ledger.add(
        [
            a_record(key_id="a", group_id="x", served_group_id="y"),
            a_record(key_id="b", group_id="x", input_tokens=1, output_tokens=2, nano_aiu=3),
            a_record(key_id="c", group_id="y", nano_aiu=None),
        ]
    )

    assert await ledger.key_spending("a", *ALWAYS) == Spending(1, 120, 296_100_000)
    assert await ledger.key_spending("c", *ALWAYS) == Spending(1, 120, 0)
    assert await ledger.group_spending("x", *ALWAYS) == Spending(2, 123, 296_100_003)
    assert await ledger.group_spending("y", *ALWAYS) == Spending(1, 120, 0)


@pytest.mark.parametrize("attempts", [0, 1, 3])
async def test_requests_are_counted_as_a_record_says(ledger: SqlLedger, attempts: int) -> None:
    records = [a_record(outcome=each.value, attempts=attempts) for each in Outcome]
    await ledger.add(records)

    spent = await ledger.key_spending("ci-bot", *ALWAYS)
    assert spent.requests == sum(record.is_counted for record in records)
    assert spent.tokens == 120 * len(records)


async def test_a_period_begins_with_its_first_microsecond_and_ends_before_the_next_ones(
    ledger: SqlLedger,
) -> None:
    _, start, end = span_at(Period.DAY, NOON)
    for time in (start - 0.000_001, start, start + 0.000_001, end - 0.000_001, end):
        await ledger.add([a_record(time=time)])

    assert (await ledger.key_spending("ci-bot", start, end)).requests == 3


async def test_sums_are_exact_beyond_what_a_float_holds(ledger: SqlLedger) -> None:
    await ledger.add([a_record(nano_aiu=2**53 + 1), a_record(nano_aiu=2**53 + 2)])

    assert (await ledger.key_spending("ci-bot", *ALWAYS)).nano_aiu == 2**54 + 3


# --- reports ----------------------------------------------------------------------------------


async def test_a_line_adds_everything_up(ledger: SqlLedger) -> None:
    await ledger.add(
        [
            a_record(),
            a_record(is_partial=True, initiator="agent", premium_multiplier=5.0),
            a_record(nano_aiu=1_000, credits_source="catalogue", premium_multiplier=0.33),
            a_record(outcome="refused", attempts=0, premium_multiplier=10.0, nano_aiu=None),
        ]
    )

    assert await total(ledger) == Line(
        values=(),
        requests=4,
        partial=1,
        input_tokens=400,
        cached_tokens=200,
        cache_write_tokens=20,
        output_tokens=80,
        reasoning_tokens=28,
        nano_aiu=592_201_000,
        estimated_nano_aiu=1_000,
        premium_requests=1.33,
    )


async def test_a_total_of_nothing_is_a_line_of_zeros(ledger: SqlLedger) -> None:
    assert await total(ledger) == Line((), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)
    assert await ledger.report(question("key")) == []


async def test_a_report_is_of_its_time_key_and_group(ledger: SqlLedger) -> None:
    for key, group, time in itertools.product("ab", "xy", (NOON, NOON + DAY)):
        await ledger.add([a_record(key_id=key, group_id=group, time=time)])

    assert (await total(ledger)).requests == 8
    assert (await total(ledger, key_id="a")).requests == 4
    assert (await total(ledger, key_id="a", group_id="y")).requests == 2
    assert (await total(ledger, group_id="y", until=NOON + DAY)).requests == 2
    assert (await total(ledger, since=NOON + DAY, key_id="b", group_id="x")).requests == 1


@pytest.mark.parametrize("word", [word for word in WORDS if word not in ("day", "month")])
async def test_lines_by_a_word_are_those_of_its_field(ledger: SqlLedger, word: str) -> None:
    field = WORDS[word].field
    values = ["complete", "idle", "deadline"]
    await ledger.add([a_record(**{field: value}) for value in [*values, "idle"]])

    lines = await ledger.report(question(word))
    assert {line.values: line.requests for line in lines} == {
        ("complete",): 1,
        ("idle",): 2,
        ("deadline",): 1,
    }


async def test_days_and_months_are_those_of_utc(ledger: SqlLedger) -> None:
    _, start, end = span_at(Period.MONTH, NOON)
    for time in (start - 0.000_001, start, end - 0.000_001, end):
        await ledger.add([a_record(time=time)])

    days = await ledger.report(question("day"))
    assert [line.values for line in days] == [
        ("2026-10-31",),
        ("2026-11-01",),
        ("2026-11-30",),
        ("2026-12-01",),
    ]
    months = await ledger.report(question("month"))
    assert [(*line.values, line.requests) for line in months] == [
        ("2026-10", 1),
        ("2026-11", 2),
        ("2026-12", 1),
    ]


async def test_lines_are_in_the_order_of_their_values(ledger: SqlLedger) -> None:
    for key, model in itertools.product("bac", ("y", "x", "")):
        await ledger.add([a_record(key_id=key, requested_model=model)])

    lines = await ledger.report(question("model", "key"))
    assert [line.values for line in lines] == list(itertools.product(("", "x", "y"), "abc"))


async def test_more_lines_than_anybody_reads_are_refused(
    ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.ledger.sums.MOST_LINES", 3)
    await ledger.add([a_record(requested_model=str(number)) for number in range(4)])

    assert len(await ledger.report(question("key"))) == 1
    with pytest.raises(TooManyLines):
        await ledger.report(question("model"))


# --- retention --------------------------------------------------------------------------------


async def test_what_is_too_old_is_removed_and_nothing_else(ledger: SqlLedger, url: str) -> None:
    kept = a_record(time=NOON)
    await ledger.add([a_record(time=NOON - 0.000_001), kept, a_record(time=NOON - DAY)])

    assert await ledger.remove_before(NOON) == 2
    assert [row["request_id"] for row in rows_of(url)] == [kept.request_id]
    assert await ledger.remove_before(NOON) == 0


async def test_it_is_removed_chunk_by_chunk(
    ledger: SqlLedger, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.adapters.ledger.runner.CHUNK", 10)
    await ledger.add([a_record(time=NOON - number) for number in range(1, 36)])

    assert await ledger.remove_before(NOON) == 35
    assert rows_of(url) == []


# --- the end ----------------------------------------------------------------------------------


async def test_what_was_kept_outlasts_the_ledger(ledger: SqlLedger, url: str) -> None:
    await ledger.add([a_record()])
    await ledger.close()

    again = SqlLedger(url)
    assert await again.upgrade() is Schema.CURRENT
    assert (await total(again)).requests == 1
    await again.close()


def test_the_fields_of_a_record_are_the_columns_of_the_table() -> None:
    assert {column.name for column in usage_records.columns} == set(UsageRecord.__struct_fields__)


@given(st.lists(st.sampled_from(["key", "model", "day"]), max_size=2, unique=True))
def test_a_question_takes_every_order_of_words(by: list[str]) -> None:
    assert question(*by).by == tuple(by)
