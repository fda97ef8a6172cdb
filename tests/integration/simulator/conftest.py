"""One simulator process for the tests of this directory, as new for each test."""

from collections.abc import Iterator

import pytest

from tests.servers.simulator import Simulator


@pytest.fixture(scope="session")
def simulator_process() -> Iterator[Simulator]:
    """The process, with API hosts of its own for two plans."""
    with Simulator(plans=("business", "enterprise")) as simulator:
        yield simulator


@pytest.fixture
def simulator(simulator_process: Simulator) -> Simulator:
    """The process, reset."""
    simulator_process.reset()
    return simulator_process
