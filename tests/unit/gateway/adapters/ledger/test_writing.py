"""A batch with something bad in it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DataError, IntegrityError, OperationalError, StatementError

from gateway.adapters.ledger.writing import keep_all_but_bad


class Kept:
    """Keeps numbers, all or nothing; none below zero."""

    def __init__(self, error: Exception | None = None) -> None:
        self.numbers: list[int] = []
        self.attempts = 0
        self._error = error or ValueError()

    def __call__(self, some: Sequence[int]) -> None:
        self.attempts += 1
        if min(some) < 0:
            raise self._error
        self.numbers += some


@given(st.lists(st.integers(-3, 30)))
def test_all_that_is_good_is_kept_in_its_order(numbers: list[int]) -> None:
    kept = Kept()

    assert keep_all_but_bad(numbers, kept) == sum(number < 0 for number in numbers)
    assert kept.numbers == [number for number in numbers if number >= 0]


def test_one_bad_one_costs_few_attempts() -> None:
    kept = Kept()

    assert keep_all_but_bad([*range(300), -1, *range(211)], kept) == 1
    assert kept.attempts <= 2 * 9 + 1


@pytest.mark.parametrize(
    "error",
    [DataError("", None, KeyError()), StatementError("", "", None, TypeError()), OverflowError()],
)
def test_values_are_to_blame_for_these(error: Exception) -> None:
    assert keep_all_but_bad([-1], Kept(error)) == 1


@pytest.mark.parametrize(
    "error",
    [OperationalError("", None, KeyError()), IntegrityError("", None, KeyError()), OSError()],
)
def test_and_for_nothing_else(error: Exception) -> None:
    kept = Kept(error)

    with pytest.raises(type(error)):
        keep_all_but_bad([1, -1], kept)
    assert kept.attempts == 1
