"""The running pair, shared by the tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.servers.pair import Pair
from tests.servers.simulator import Simulator


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def pair(shared_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Pair(tmp_path_factory.mktemp("pair"), shared_simulator.base_url) as pair:
        yield pair


@pytest.fixture
def simulator(shared_simulator: Simulator) -> Iterator[Simulator]:
    """The pair's upstream with an empty ledger; whatever a test scripted is taken back."""
    shared_simulator.clear_ledger()
    yield shared_simulator
    shared_simulator.remove_faults()
