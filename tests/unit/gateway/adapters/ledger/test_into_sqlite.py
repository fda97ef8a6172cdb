"""What is special about SQLite's rows: how a time is written, and many of them in a statement."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import IntegrityError

from gateway.adapters.ledger import runner, writing
from gateway.adapters.ledger.engine import open_engine
from gateway.adapters.ledger.into_sqlite import ROWS, time_text
from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.tables import usage_records
from tests.fakes.ledger_records import NOON, a_record


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_engine(f"sqlite:///{tmp_path}/usage.db")
    runner.upgrade(made)
    yield made
    made.dispose()


@given(st.floats(0.0, 4e9))
@example(NOON)
@example(NOON + 0.000_001)
@example(NOON + 0.999_999_8)
def test_a_time_is_written_as_others_read_it(seconds: float) -> None:
    time = moment(seconds).replace(tzinfo=None)
    assert time_text(seconds) == time.isoformat(" ", "microseconds")


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e20, -1e20])
def test_what_is_no_time_is_not_written(seconds: float) -> None:
    with pytest.raises((ValueError, OverflowError)):
        time_text(seconds)


def test_a_constraint_of_a_newer_version_costs_no_record_unseen(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX newer ON usage_records (fault)")
    with pytest.raises(IntegrityError):
        writing.add(engine, [a_record() for _ in range(ROWS)])
    with engine.begin() as connection:
        assert connection.scalar(select(func.count()).select_from(usage_records)) == 0
