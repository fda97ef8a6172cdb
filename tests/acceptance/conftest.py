"""What the acceptance runs share: their size, a store, an upstream, and printed figures."""

from collections.abc import Callable, Iterator

import pytest

from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

Report = Callable[..., None]


@pytest.fixture(scope="session")
def full(pytestconfig: pytest.Config) -> bool:
    """Whether this is the full-size run; the suite's short form asserts no times."""
    return bool(pytestconfig.getoption("--full-size"))


@pytest.fixture
def store() -> Iterator[ValkeyServer]:
    with ValkeyServer() as server:
        yield server


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def report(request: pytest.FixtureRequest, full: bool) -> Report:
    """Prints a line of figures in the full-size run, past pytest's capturing."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def write(**figures: object) -> None:
        if full:
            line = ", ".join(f"{name} {value}" for name, value in figures.items())
            with capture.global_and_fixture_disabled():
                print(f"\n  {request.node.name}: {line}")

    return write
