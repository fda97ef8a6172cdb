"""What the acceptance runs share: their size, a store, an upstream, and printed figures."""

from collections.abc import Callable, Iterator

import pytest

from tests.servers.crowd import Crowd, crowded
from tests.servers.postgres_server import PostgresServer
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


@pytest.fixture(scope="module", params=["memory", "store", "store down"])
def lone_store(request: pytest.FixtureRequest, full: bool) -> Iterator[str]:
    """The URL of what one gateway keeps its places, cool-downs and homes in.

    The short form has its memory only; the full one a store as well, and one that is not there.
    """
    if request.param == "memory":
        yield "memory://"
        return
    if not full:
        pytest.skip("the full-size run has it; test_gateway_store_down.py is its short form")
    with ValkeyServer() as server:
        if request.param == "store down":
            server.kill()
        yield server.url


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture
def upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def shared_crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    with crowded(tmp_path_factory.mktemp("crowd")) as crowd:
        yield crowd


@pytest.fixture
def crowd(shared_crowd: Crowd) -> Iterator[Crowd]:
    """An upstream and a broker with 200 seats; whatever a test scripted is taken back."""
    shared_crowd.upstream.clear_ledger()
    yield shared_crowd
    shared_crowd.upstream.remove_faults()


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
