"""Imports without the garbage collector, which goes on afterwards."""

import gc
from collections.abc import Iterator

import pytest

from runtime.importing import many_modules


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    yield
    gc.enable()


def test_the_collector_rests_meanwhile_and_goes_on_whatever_happens() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise ImportError

    with pytest.raises(ImportError), many_modules():
        fail()
    assert gc.isenabled()


def test_one_that_was_off_stays_so() -> None:
    gc.disable()
    with many_modules():
        pass
    assert not gc.isenabled()
